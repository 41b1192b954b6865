// The public functions of one type: dispatch.c includes this once for float and once for double.

void FW_TYPED(dense_forward)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *w,
                             ptrdiff_t w_stride, const FW_REAL *bias, FW_REAL *z,
                             ptrdiff_t z_stride, ptrdiff_t batch, ptrdiff_t inputs,
                             ptrdiff_t outputs) {
  KERNELS->dense_forward(x, x_stride, w, w_stride, bias, z, z_stride, batch, inputs, outputs);
}

void FW_TYPED(dense_backward)(const FW_REAL *delta, ptrdiff_t delta_stride, const FW_REAL *w,
                              ptrdiff_t w_stride, FW_REAL *dx, ptrdiff_t dx_stride,
                              ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs) {
  KERNELS->dense_backward(delta, delta_stride, w, w_stride, dx, dx_stride, batch, inputs, outputs);
}

void FW_TYPED(dense_update)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *delta,
                            ptrdiff_t delta_stride, FW_REAL *w, FW_REAL *v, ptrdiff_t w_stride,
                            ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs,
                            const FW_TYPED(sgd_coefficients) *coefficients) {
  KERNELS->dense_update(x, x_stride, delta, delta_stride, w, v, w_stride, batch, inputs, outputs,
                        coefficients);
}

void FW_TYPED(bias_update)(const FW_REAL *delta, ptrdiff_t delta_stride, FW_REAL *b, FW_REAL *v,
                           ptrdiff_t batch, ptrdiff_t outputs,
                           const FW_TYPED(sgd_coefficients) *coefficients) {
  KERNELS->bias_update(delta, delta_stride, b, v, batch, outputs, coefficients);
}

void FW_TYPED(update)(FW_REAL *w, FW_REAL *v, const FW_REAL *g, ptrdiff_t count,
                      const FW_TYPED(sgd_coefficients) *coefficients) {
  KERNELS->update(w, v, g, count, coefficients);
}

void FW_TYPED(dense_gradient)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *delta,
                              ptrdiff_t delta_stride, FW_REAL *g, ptrdiff_t g_stride,
                              ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs) {
  KERNELS->dense_gradient(x, x_stride, delta, delta_stride, g, g_stride, batch, inputs, outputs);
}

void FW_TYPED(bias_gradient)(const FW_REAL *delta, ptrdiff_t delta_stride, FW_REAL *g,
                             ptrdiff_t batch, ptrdiff_t outputs) {
  KERNELS->bias_gradient(delta, delta_stride, g, batch, outputs);
}

void FW_TYPED(adaptive_update)(FW_REAL *w, const FW_REAL *g,
                               const FW_TYPED(adaptive_buffers) *buffers, ptrdiff_t count,
                               const FW_TYPED(adaptive_coefficients) *coefficients) {
  KERNELS->adaptive_update(w, g, buffers, count, coefficients);
}

double FW_TYPED(sum_of_squares)(const FW_REAL *g, ptrdiff_t count) {
  return KERNELS->sum_of_squares(g, count);
}

void FW_TYPED(sigmoid)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->sigmoid(z, stride, rows, columns);
}

void FW_TYPED(tanh)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->tanh(z, stride, rows, columns);
}

void FW_TYPED(relu)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->relu(z, stride, rows, columns);
}

void FW_TYPED(sigmoid_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                                ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->sigmoid_backward(a, a_stride, delta, delta_stride, rows, columns);
}

void FW_TYPED(tanh_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                             ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->tanh_backward(a, a_stride, delta, delta_stride, rows, columns);
}

void FW_TYPED(relu_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                             ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns) {
  KERNELS->relu_backward(a, a_stride, delta, delta_stride, rows, columns);
}

double FW_TYPED(sigmoid_cross_entropy)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                                       ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                                       ptrdiff_t *correct) {
  return KERNELS->sigmoid_cross_entropy(z, stride, labels, batch, classes, scale, correct);
}

double FW_TYPED(softmax_cross_entropy)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                                       ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                                       ptrdiff_t *correct) {
  return KERNELS->softmax_cross_entropy(z, stride, labels, batch, classes, scale, correct);
}

double FW_TYPED(squared_error)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                               ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                               ptrdiff_t *correct) {
  return KERNELS->squared_error(z, stride, labels, batch, classes, scale, correct);
}

double FW_TYPED(sigmoid_squared_error)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                                       ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                                       ptrdiff_t *correct) {
  return KERNELS->sigmoid_squared_error(z, stride, labels, batch, classes, scale, correct);
}

void FW_TYPED(gather_bytes)(const uint8_t *samples, ptrdiff_t size, const uint32_t *order,
                            ptrdiff_t batch, FW_REAL factor, FW_REAL offset, FW_REAL *x,
                            ptrdiff_t x_stride) {
  KERNELS->gather_bytes(samples, size, order, batch, factor, offset, x, x_stride);
}

void FW_TYPED(gather_rows)(const FW_REAL *samples, ptrdiff_t size, const uint32_t *order,
                           ptrdiff_t batch, FW_REAL *x, ptrdiff_t x_stride) {
  KERNELS->gather_rows(samples, size, order, batch, x, x_stride);
}
