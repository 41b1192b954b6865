// The three products of a dense layer, each in tiles whose sums stay in registers, and the update rule.
//
// A tile's size is a constant where it is used (always_inline), so that its loops unroll and its array
// becomes registers. What does not fill a tile is done in rows or columns of one.

/// The next tile's side: all of it if so much is left, or else one.
INLINE ptrdiff_t tile_side(ptrdiff_t side, ptrdiff_t left) { return left >= side ? side : 1; }

/// Calls TILE(rows, columns, …) with constants.
#define WITH_TILE(rows, columns, TILE, ...)                       \
  do {                                                            \
    if ((rows) == TILE_ROWS) {                                    \
      if ((columns) == TILE_COLUMNS) {                            \
        TILE(TILE_ROWS, TILE_COLUMNS, __VA_ARGS__);               \
      } else {                                                    \
        TILE(TILE_ROWS, 1, __VA_ARGS__);                          \
      }                                                           \
    } else {                                                      \
      if ((columns) == TILE_COLUMNS) {                            \
        TILE(1, TILE_COLUMNS, __VA_ARGS__);                       \
      } else {                                                    \
        TILE(1, 1, __VA_ARGS__);                                  \
      }                                                           \
    }                                                             \
  } while (0)

/// Rows are samples, columns are outputs: dot products along the inputs.
INLINE void forward_tile(const int rows, const int columns, const real *x, ptrdiff_t x_stride,
                         const real *w, ptrdiff_t w_stride, const real *bias, real *z,
                         ptrdiff_t z_stride, ptrdiff_t inputs) {
  vector dot[TILE_ROWS * TILE_COLUMNS];
  UNROLL for (int i = 0; i < rows * columns; i++) dot[i] = splat(0);
  for (ptrdiff_t k = 0; k < inputs; k += LANES) {
    vector right[TILE_COLUMNS];
    UNROLL for (int j = 0; j < columns; j++) right[j] = load(w + j * w_stride + k);
    UNROLL for (int i = 0; i < rows; i++) {
      const vector left = load(x + i * x_stride + k);
      UNROLL for (int j = 0; j < columns; j++) {
        dot[i * columns + j] = madd(left, right[j], dot[i * columns + j]);
      }
    }
  }
  _Alignas(64) real sums[TILE_ROWS * TILE_COLUMNS + LANES];
  sum_lanes(dot, rows * columns, sums);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) z[i * z_stride + j] = sums[i * columns + j] + bias[j];
  }
}

static void dense_forward(const real *x, ptrdiff_t x_stride, const real *w, ptrdiff_t w_stride,
                          const real *bias, real *z, ptrdiff_t z_stride, ptrdiff_t batch,
                          ptrdiff_t inputs, ptrdiff_t outputs) {
  ptrdiff_t rows, columns;
  // Outputs outside: w may be too large for a cache, and is then read once.
  for (ptrdiff_t o = 0; o < outputs; o += columns) {
    columns = tile_side(TILE_COLUMNS, outputs - o);
    for (ptrdiff_t s = 0; s < batch; s += rows) {
      rows = tile_side(TILE_ROWS, batch - s);
      WITH_TILE(rows, columns, forward_tile, x + s * x_stride, x_stride, w + o * w_stride, w_stride,
                bias + o, z + s * z_stride + o, z_stride, inputs);
    }
  }
  for (ptrdiff_t s = 0; s < batch; s++) {
    for (ptrdiff_t o = outputs; o < z_stride; o++) z[s * z_stride + o] = 0;
  }
}

/// tile[i][j] = Σₚ a[i a_row + p a_step] b[p][j], j counting vectors.
INLINE void accumulate_tile(vector *tile, const int rows, const int columns, const real *a,
                            ptrdiff_t a_row, ptrdiff_t a_step, const real *b, ptrdiff_t b_stride,
                            ptrdiff_t count) {
  UNROLL for (int i = 0; i < rows * columns; i++) tile[i] = splat(0);
  for (ptrdiff_t p = 0; p < count; p++) {
    vector right[TILE_COLUMNS];
    UNROLL for (int j = 0; j < columns; j++) right[j] = load(b + p * b_stride + j * LANES);
    UNROLL for (int i = 0; i < rows; i++) {
      const vector left = splat(a[i * a_row + p * a_step]);
      UNROLL for (int j = 0; j < columns; j++) {
        tile[i * columns + j] = madd(left, right[j], tile[i * columns + j]);
      }
    }
  }
}

INLINE void backward_tile(const int rows, const int columns, const real *delta,
                          ptrdiff_t delta_stride, const real *w, ptrdiff_t w_stride, real *dx,
                          ptrdiff_t dx_stride, ptrdiff_t outputs) {
  vector tile[TILE_ROWS * TILE_COLUMNS];
  accumulate_tile(tile, rows, columns, delta, delta_stride, 1, w, w_stride, outputs);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) {
      store(dx + i * dx_stride + j * LANES, tile[i * columns + j]);
    }
  }
}

static void dense_backward(const real *delta, ptrdiff_t delta_stride, const real *w,
                           ptrdiff_t w_stride, real *dx, ptrdiff_t dx_stride, ptrdiff_t batch,
                           ptrdiff_t inputs, ptrdiff_t outputs) {
  ptrdiff_t rows, columns;
  for (ptrdiff_t k = 0; k < vectors_in(inputs); k += columns) {
    columns = tile_side(TILE_COLUMNS, vectors_in(inputs) - k);
    for (ptrdiff_t s = 0; s < batch; s += rows) {
      rows = tile_side(TILE_ROWS, batch - s);
      WITH_TILE(rows, columns, backward_tile, delta + s * delta_stride, delta_stride, w + k * LANES,
                w_stride, dx + s * dx_stride + k * LANES, dx_stride, outputs);
    }
  }
}

INLINE void gradient_tile(const int rows, const int columns, const real *x, ptrdiff_t x_stride,
                          const real *delta, ptrdiff_t delta_stride, real *g, ptrdiff_t g_stride,
                          ptrdiff_t batch) {
  vector tile[TILE_ROWS * TILE_COLUMNS];
  accumulate_tile(tile, rows, columns, delta, 1, delta_stride, x, x_stride, batch);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) {
      store(g + i * g_stride + j * LANES, tile[i * columns + j]);
    }
  }
}

static void dense_gradient(const real *x, ptrdiff_t x_stride, const real *delta,
                           ptrdiff_t delta_stride, real *g, ptrdiff_t g_stride, ptrdiff_t batch,
                           ptrdiff_t inputs, ptrdiff_t outputs) {
  ptrdiff_t rows, columns;
  for (ptrdiff_t k = 0; k < vectors_in(inputs); k += columns) {
    columns = tile_side(TILE_COLUMNS, vectors_in(inputs) - k);
    for (ptrdiff_t o = 0; o < outputs; o += rows) {
      rows = tile_side(TILE_ROWS, outputs - o);
      WITH_TILE(rows, columns, gradient_tile, x + k * LANES, x_stride, delta + o, delta_stride,
                g + o * g_stride + k * LANES, g_stride, batch);
    }
  }
}

/// The gradient of the biases o, o + 1, …
INLINE vector bias_gradient_at(const real *delta, ptrdiff_t delta_stride, ptrdiff_t batch,
                               ptrdiff_t o) {
  vector gradient = splat(0);
  for (ptrdiff_t s = 0; s < batch; s++) gradient += load(delta + s * delta_stride + o);
  return gradient;
}

static void bias_gradient(const real *delta, ptrdiff_t delta_stride, real *g, ptrdiff_t batch,
                          ptrdiff_t outputs) {
  for (ptrdiff_t o = 0; o < outputs; o += LANES) {
    store(g + o, bias_gradient_at(delta, delta_stride, batch, o));
  }
}

/// One step of the rule at w and v with the gradient g; without a velocity v is not touched.
INLINE void step(const int has_velocity, real *w, real *v, vector g, const sgd_coefficients *c) {
  const vector weight = load(w);
  vector velocity = madd(splat(c->b), g, splat(c->c) * weight);
  if (has_velocity) {
    velocity = madd(splat(c->a), load(v), velocity);
    store(v, velocity);
  }
  store(w, weight + madd(splat(c->d), velocity, madd(splat(c->f), g, splat(c->h) * weight)));
}

INLINE void update_tile(const int rows, const int columns, const int has_velocity, const real *x,
                        ptrdiff_t x_stride, const real *delta, ptrdiff_t delta_stride, real *w,
                        real *v, ptrdiff_t w_stride, ptrdiff_t batch, const sgd_coefficients *c) {
  vector gradient[TILE_ROWS * TILE_COLUMNS];
  accumulate_tile(gradient, rows, columns, delta, 1, delta_stride, x, x_stride, batch);
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < columns; j++) {
      const ptrdiff_t at = i * w_stride + j * LANES;
      step(has_velocity, w + at, has_velocity ? v + at : NULL, gradient[i * columns + j], c);
    }
  }
}

INLINE void update_tiles(const int has_velocity, const real *x, ptrdiff_t x_stride,
                         const real *delta, ptrdiff_t delta_stride, real *w, real *v,
                         ptrdiff_t w_stride, ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs,
                         const sgd_coefficients *c) {
  ptrdiff_t rows, columns;
  for (ptrdiff_t k = 0; k < vectors_in(inputs); k += columns) {
    columns = tile_side(TILE_COLUMNS, vectors_in(inputs) - k);
    for (ptrdiff_t o = 0; o < outputs; o += rows) {
      rows = tile_side(TILE_ROWS, outputs - o);
      const ptrdiff_t at = o * w_stride + k * LANES;
      WITH_TILE(rows, columns, update_tile, has_velocity, x + k * LANES, x_stride, delta + o,
                delta_stride, w + at, has_velocity ? v + at : NULL, w_stride, batch, c);
    }
  }
}

static void dense_update(const real *x, ptrdiff_t x_stride, const real *delta,
                         ptrdiff_t delta_stride, real *w, real *v, ptrdiff_t w_stride,
                         ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs,
                         const sgd_coefficients *coefficients) {
  const sgd_coefficients c = *coefficients;  // a copy: no store to w or v can change it
  if (v) {
    update_tiles(1, x, x_stride, delta, delta_stride, w, v, w_stride, batch, inputs, outputs, &c);
  } else {
    update_tiles(0, x, x_stride, delta, delta_stride, w, v, w_stride, batch, inputs, outputs, &c);
  }
}

static void bias_update(const real *delta, ptrdiff_t delta_stride, real *b, real *v,
                        ptrdiff_t batch, ptrdiff_t outputs, const sgd_coefficients *coefficients) {
  const sgd_coefficients c = *coefficients;
  for (ptrdiff_t o = 0; o < outputs; o += LANES) {
    const vector gradient = bias_gradient_at(delta, delta_stride, batch, o);
    if (v) {
      step(1, b + o, v + o, gradient, &c);
    } else {
      step(0, b + o, NULL, gradient, &c);
    }
  }
}

static void update(real *w, real *v, const real *g, ptrdiff_t count,
                   const sgd_coefficients *coefficients) {
  const sgd_coefficients c = *coefficients;
  if (v) {
    for (ptrdiff_t k = 0; k < count; k += LANES) step(1, w + k, v + k, load(g + k), &c);
  } else {
    for (ptrdiff_t k = 0; k < count; k += LANES) step(0, w + k, NULL, load(g + k), &c);
  }
}
