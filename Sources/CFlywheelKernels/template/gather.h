// A batch of samples, from where they are stored.

typedef uint8_t byte_vector __attribute__((ext_vector_type(64 / sizeof(real))));

/// Shuffled samples lie in memory, not in a cache: while one is used, the next is on its way.
INLINE void prefetch(const void *sample, ptrdiff_t byte_count) {
  for (ptrdiff_t k = 0; k < byte_count; k += 64) __builtin_prefetch((const char *)sample + k);
}

static void gather_bytes(const uint8_t *samples, ptrdiff_t size, const uint32_t *order,
                         ptrdiff_t batch, real factor, real offset, real *x, ptrdiff_t x_stride) {
  for (ptrdiff_t s = 0; s < batch; s++, x += x_stride) {
    if (s + 1 < batch) prefetch(samples + (ptrdiff_t)order[s + 1] * size, size);
    const uint8_t *sample = samples + (ptrdiff_t)order[s] * size;
    for (ptrdiff_t k = 0; k < x_stride; k += LANES) {
      const ptrdiff_t left = size - k;
      byte_vector bytes = 0;
      if (left >= LANES) {
        memcpy(&bytes, sample + k, sizeof bytes);
      } else if (left > 0) {
        memcpy(&bytes, sample + k, (size_t)left);
      }
      const vector value =
          madd(__builtin_convertvector(bytes, vector), splat(factor), splat(offset));
      store(x + k, left >= LANES ? value : columns_below(size, k) ? value : splat(0));
    }
  }
}

static void gather_rows(const real *samples, ptrdiff_t size, const uint32_t *order,
                        ptrdiff_t batch, real *x, ptrdiff_t x_stride) {
  const size_t byte_count = (size_t)size * sizeof(real);
  for (ptrdiff_t s = 0; s < batch; s++, x += x_stride) {
    if (s + 1 < batch) prefetch(samples + (ptrdiff_t)order[s + 1] * size, (ptrdiff_t)byte_count);
    memcpy(x, samples + (ptrdiff_t)order[s] * size, byte_count);
    memset(x + size, 0, (size_t)(x_stride - size) * sizeof(real));
  }
}
