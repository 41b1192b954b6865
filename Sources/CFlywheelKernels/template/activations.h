// Activations and their derivatives, in place, row by row.

static void sigmoid_rows(real *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, z += stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) {
      // sigmoid(0) is not 0: the pad must be masked.
      store(z + k, columns_below(columns, k) ? sigmoid(load(z + k)) : splat(0));
    }
  }
}

static void tanh_rows(real *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, z += stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) store(z + k, hyperbolic_tangent(load(z + k)));
  }
}

static void relu_rows(real *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, z += stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) {
      const vector value = load(z + k);
      store(z + k, value < 0 ? splat(0) : value);  // not value > 0 ? value : 0, which would hide NaN
    }
  }
}

static void sigmoid_backward(const real *a, ptrdiff_t a_stride, real *delta,
                             ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, a += a_stride, delta += delta_stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) {
      const vector value = load(a + k);
      store(delta + k, load(delta + k) * (value * (1 - value)));
    }
  }
}

static void tanh_backward(const real *a, ptrdiff_t a_stride, real *delta, ptrdiff_t delta_stride,
                          ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, a += a_stride, delta += delta_stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) {
      const vector value = load(a + k);
      store(delta + k, load(delta + k) * (1 - value * value));
    }
  }
}

static void relu_backward(const real *a, ptrdiff_t a_stride, real *delta, ptrdiff_t delta_stride,
                          ptrdiff_t rows, ptrdiff_t columns) {
  for (ptrdiff_t r = 0; r < rows; r++, a += a_stride, delta += delta_stride) {
    for (ptrdiff_t k = 0; k < columns; k += LANES) {
      store(delta + k, load(a + k) > 0 ? load(delta + k) : splat(0));
    }
  }
}
