// A batch of images, from bytes to numbers.

typedef uint8_t byte_vector __attribute__((ext_vector_type(64 / sizeof(real))));

static void gather_bytes(const uint8_t *images, ptrdiff_t image_size, const uint32_t *order,
                         ptrdiff_t batch, real scale, real *x, ptrdiff_t x_stride) {
  for (ptrdiff_t s = 0; s < batch; s++, x += x_stride) {
    // Shuffled images lie in memory, not in a cache: while one is converted, the next is on its way.
    if (s + 1 < batch) {
      const uint8_t *next = images + (ptrdiff_t)order[s + 1] * image_size;
      for (ptrdiff_t k = 0; k < image_size; k += 64) __builtin_prefetch(next + k);
    }
    const uint8_t *image = images + (ptrdiff_t)order[s] * image_size;
    for (ptrdiff_t k = 0; k < x_stride; k += LANES) {
      const ptrdiff_t left = image_size - k;
      byte_vector bytes = 0;
      if (left >= LANES) {
        memcpy(&bytes, image + k, sizeof bytes);
      } else if (left > 0) {
        memcpy(&bytes, image + k, (size_t)left);
      }
      store(x + k, __builtin_convertvector(bytes, vector) * scale);
    }
  }
}
