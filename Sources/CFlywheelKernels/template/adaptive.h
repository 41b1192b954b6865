// Steps of rules that divide by a running second moment, and the norm that gradients are clipped by.

/// One vector of such a step. What is kept is a constant where it is used, so that a rule reads and
/// writes no buffer that it has not.
INLINE void adapt(const int has_first, const int has_maximum, const int has_mean,
                  const int has_momentum, real *w, const real *g, const adaptive_buffers *b,
                  ptrdiff_t k, const adaptive_coefficients *c) {
  const vector weight = load(w + k);
  const vector gradient =
      madd(splat(c->gradient_scale), load(g + k), splat(c->coupled_decay) * weight);
  vector numerator = splat(c->gradient_share) * gradient;
  if (has_first) {
    const vector first =
        madd(splat(c->first_kept), load(b->first + k), splat(c->first_gain) * gradient);
    store(b->first + k, first);
    numerator = madd(splat(c->first_share), first, numerator);
  }
  const vector second = madd(splat(c->second_kept), load(b->second + k),
                             splat(c->second_gain) * (gradient * gradient));
  store(b->second + k, second);
  vector square = second;
  if (has_maximum) {
    const vector before = load(b->maximum + k);
    square = second <= before ? before : second;  // a second moment that is NaN is not hidden
    store(b->maximum + k, square);
  }
  if (has_mean) {
    const vector mean =
        madd(splat(c->second_kept), load(b->mean + k), splat(c->second_gain) * gradient);
    store(b->mean + k, mean);
    square = madd(splat(-c->centering) * mean, mean, square);
    square = square < 0 ? splat(0) : square;  // a variance is not, but for rounding
  }
  const vector root = __builtin_elementwise_sqrt(square + c->epsilon_inside);
  const vector quotient = numerator / (root + c->epsilon_outside);
  // 0/0 is 0: an epsilon of 0 is nothing to a weight, or a pad, that never had a gradient.
  vector move = splat(c->inside_rate) * (numerator == 0 ? splat(0) : quotient);
  if (has_momentum) {
    move = madd(splat(c->momentum), load(b->momentum + k), move);
    store(b->momentum + k, move);
  }
  store(w + k, weight - madd(splat(c->rate), move, splat(c->shrink) * weight));
}

static void adaptive_update(real *w, const real *g, const adaptive_buffers *buffers, ptrdiff_t count,
                            const adaptive_coefficients *coefficients) {
  // Copies: no store to a buffer can change them.
  const adaptive_buffers b = *buffers;
  const adaptive_coefficients c = *coefficients;
#define ADAPT(first, maximum, mean, momentum)                            \
  case first | maximum << 1 | mean << 2 | momentum << 3:                 \
    for (ptrdiff_t k = 0; k < count; k += LANES) {                       \
      adapt(first, maximum, mean, momentum, w, g, &b, k, &c);            \
    }                                                                    \
    break
  switch ((b.first != NULL) | (b.maximum != NULL) << 1 | (b.mean != NULL) << 2 |
          (b.momentum != NULL) << 3) {
    ADAPT(0, 0, 0, 0);
    ADAPT(1, 0, 0, 0);
    ADAPT(0, 1, 0, 0);
    ADAPT(1, 1, 0, 0);
    ADAPT(0, 0, 1, 0);
    ADAPT(1, 0, 1, 0);
    ADAPT(0, 1, 1, 0);
    ADAPT(1, 1, 1, 0);
    ADAPT(0, 0, 0, 1);
    ADAPT(1, 0, 0, 1);
    ADAPT(0, 1, 0, 1);
    ADAPT(1, 1, 0, 1);
    ADAPT(0, 0, 1, 1);
    ADAPT(1, 0, 1, 1);
    ADAPT(0, 1, 1, 1);
    ADAPT(1, 1, 1, 1);
  }
#undef ADAPT
}

/// Sixteen columns of sums in doubles, for either type, and then a tree of neighbouring halves.
static double sum_of_squares(const real *g, ptrdiff_t count) {
  typedef real sixteen __attribute__((ext_vector_type(16), may_alias, aligned(64)));
  typedef double sums __attribute__((ext_vector_type(16)));
  sums total = 0;
  for (ptrdiff_t k = 0; k < count; k += 16) {
    const sums value = __builtin_convertvector(*(const sixteen *)(g + k), sums);
#if FUSED
    total = __builtin_elementwise_fma(value, value, total);
#else
    total = value * value + total;
#endif
  }
  double sum[16];
  for (int i = 0; i < 16; i++) sum[i] = total[i];
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; i++) sum[i] += sum[i + half];
  }
  return sum[0];
}
