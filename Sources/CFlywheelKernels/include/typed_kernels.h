// No include guard: CFlywheelKernels.h includes this once for float and once for double.

#ifndef FW_TYPED
#error "include CFlywheelKernels.h"
#endif

/// One step of any SGD-like rule, for a weight w with velocity v and gradient g:
///
///     v' = a v + b g + c w
///     w' = w + (d v' + f g + h w)
///
/// The bracket is rounded before it is added, as numpy and torch do it. Where v is NULL there is no
/// velocity: a v is left out, and v' is not stored.
typedef struct {
  FW_REAL a, b, c, d, f, h;
} FW_TYPED(sgd_coefficients);

/// One step of any rule that divides by a running second moment, as Adam and RMSprop do, for a weight w
/// with gradient g and the buffers below; the part of a buffer that is NULL is left out:
///
///     q  = gradient_scale g + coupled_decay w
///     m' = first_kept m + first_gain q
///     s' = second_kept s + second_gain q²
///     x' = max(x, s')                              and then in place of s'
///     a' = second_kept a + second_gain q
///     u  = (first_share m' + gradient_share q) / (√(s' - centering a'² + epsilon_inside) + epsilon_outside)
///     v' = momentum v + inside_rate u              without v: inside_rate u
///     w' = w - (rate v' + shrink w)
///
/// What is under the root is at least 0, and 0/0 is 0.
typedef struct {
  FW_REAL gradient_scale, coupled_decay, first_kept, first_gain, second_kept, second_gain, first_share,
      gradient_share, centering, epsilon_inside, epsilon_outside, momentum, inside_rate, shrink, rate;
} FW_TYPED(adaptive_coefficients);

/// m, s, x, a and v of such a rule. All but s may be NULL.
typedef struct {
  FW_REAL *first, *second, *maximum, *mean, *momentum;
} FW_TYPED(adaptive_buffers);

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

/// g[o][k] = Σₛ delta[s][o] x[s][k], in the order of dense_update.
void FW_TYPED(dense_gradient)(const FW_REAL *x, ptrdiff_t x_stride, const FW_REAL *delta,
                              ptrdiff_t delta_stride, FW_REAL *g, ptrdiff_t g_stride,
                              ptrdiff_t batch, ptrdiff_t inputs, ptrdiff_t outputs);

/// g[o] = Σₛ delta[s][o], in the order of bias_update.
void FW_TYPED(bias_gradient)(const FW_REAL *delta, ptrdiff_t delta_stride, FW_REAL *g,
                             ptrdiff_t batch, ptrdiff_t outputs);

/// One step of an adaptive rule from a stored gradient. `count` is a multiple of 16.
void FW_TYPED(adaptive_update)(FW_REAL *w, const FW_REAL *g,
                               const FW_TYPED(adaptive_buffers) *buffers, ptrdiff_t count,
                               const FW_TYPED(adaptive_coefficients) *coefficients);

/// Σ g², in doubles: the sums over every sixteenth element, added in one fixed tree. `count` is a
/// multiple of 16.
double FW_TYPED(sum_of_squares)(const FW_REAL *g, ptrdiff_t count);

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

// MARK: Output layers. In place: the logits z become the delta of the layer. All return the summed
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

/// The identity against the one-hot target y: the loss is ½ Σ (z - y)², and z becomes (z - y) scale.
double FW_TYPED(squared_error)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
                               ptrdiff_t batch, ptrdiff_t classes, FW_REAL scale,
                               ptrdiff_t *correct);

/// Independent sigmoids a against the one-hot target y: the loss is ½ Σ (a - y)², and z becomes
/// (a - y) a (1 - a) scale.
double FW_TYPED(sigmoid_squared_error)(FW_REAL *z, ptrdiff_t stride, const uint16_t *labels,
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
