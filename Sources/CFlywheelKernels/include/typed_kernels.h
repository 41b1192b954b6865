// No include guard: CFlywheelKernels.h includes this once for float and once for double.

#ifndef FW_TYPED
#error "include CFlywheelKernels.h"
#endif

/// One step of any SGD-like rule, for a weight w with velocity v and gradient g:
///
///     v' = a v + b g + c w
///     w' = w + (d v' + f g + h w)
///
/// The bracket is rounded before it is added, as numpy and torch do it.
typedef struct {
  FW_REAL a, b, c, d, f, h;
} FW_TYPED(sgd_coefficients);

// MARK: Dense layers. A layer's weights are w[outputs][inputs].

/// z[s][o] = bias[o] + Σₖ x[s][k] w[o][k]. The pad of z's rows is set to zero.
void FW_TYPED(dense_forward)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *w,
                             ptrdiff_t w_stride, const FW_REAL *bias, FW_REAL *z,
                             ptrdiff_t z_stride, ptrdiff_t batch, ptrdiff_t inputs,
                             ptrdiff_t outputs);

/// dx[s][k] = Σₒ delta[s][o] w[o][k].
void FW_TYPED(dense_backward)(const FW_REAL *delta, ptrdiff_t delta_stride, const FW_REAL *w,
                              ptrdiff_t w_stride, FW_REAL *dx, ptrdiff_t dx_stride,
                              ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs);

/// One step of the rule with the gradient Σₛ delta[s][o] x[s][k], which is never stored: w and v are
/// read once and written once.
void FW_TYPED(dense_update)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *delta,
                            ptrdiff_t delta_stride, FW_REAL *w, FW_REAL *v, ptrdiff_t w_stride,
                            ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs,
                            const FW_TYPED(sgd_coefficients) *coefficients);

/// One step of the rule for a bias, whose gradient is Σₛ delta[s][o].
void FW_TYPED(bias_update)(const FW_REAL *delta, ptrdiff_t delta_stride, FW_REAL *b, FW_REAL *v,
                           ptrdiff_t batch, ptrdiff_t outputs,
                           const FW_TYPED(sgd_coefficients) *coefficients);

/// One step of the rule from a stored gradient. `count` is a multiple of 16.
void FW_TYPED(update)(FW_REAL *w, FW_REAL *v, const FW_REAL *g, ptrdiff_t count,
                      const FW_TYPED(sgd_coefficients) *coefficients);

// MARK: Activations, in place. NaN stays NaN, so that a run that diverges is seen to.

void FW_TYPED(sigmoid)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns);
void FW_TYPED(tanh)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns);
void FW_TYPED(relu)(FW_REAL *z, ptrdiff_t stride, ptrdiff_t rows, ptrdiff_t columns);

// Their derivatives, told by the activation a and not by its argument: delta *= f'(a).

/// delta *= a (1 - a)
void FW_TYPED(sigmoid_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                                ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns);
/// delta *= 1 - a²
void FW_TYPED(tanh_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                             ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns);
/// delta = a > 0 ? delta : 0
void FW_TYPED(relu_backward)(const FW_REAL *a, ptrdiff_t a_stride, FW_REAL *delta,
                             ptrdiff_t delta_stride, ptrdiff_t rows, ptrdiff_t columns);

// MARK: Output layers. In place: the logits z become the delta of the layer. Both return the summed
// loss, which is NaN if a logit is, and set `correct` to the number of samples whose first greatest
// logit is the label's (never one with a NaN). Every label is less than `classes`.

/// Independent sigmoids against the one-hot target y: the loss is
/// Σ max(z, 0) - z y + log(1 + exp(-|z|)), and z becomes (sigmoid(z) - y) scale.
double FW_TYPED(sigmoid_cross_entropy)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                                       ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                                       ptrdiff_t *correct);

/// Softmax: the loss is log Σ exp(z) - z[label], and z becomes (softmax(z) - y) scale.
double FW_TYPED(softmax_cross_entropy)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                                       ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                                       ptrdiff_t *correct);

// MARK: Data

// Samples follow each other without a gap and may lie at any address; no byte outside a sample is read.
// The pad of x's rows is set to zero.

/// x[s] = samples[order[s]] · factor + offset.
void FW_TYPED(gather_bytes)(const uint8_t *samples, ptrdiff_t size, const uint32_t *order,
                            ptrdiff_t batch, FW_REAL factor, FW_REAL offset, FW_REAL *x,
                            ptrdiff_t x_stride);

/// x[s] = samples[order[s]].
void FW_TYPED(gather_rows)(const FW_REAL *samples, ptrdiff_t size, const uint32_t *order,
                           ptrdiff_t batch, FW_REAL *x, ptrdiff_t x_stride);
