// exp to within 1.1 ulp, and the sigmoid and tanh made of it to within 3, as measured.
//
// e^x = 2^n (1 + p) with n the integer nearest to x / ln 2, and p = e^r - 1 for the rest, |r| <= ln 2 / 2,
// by Taylor's series: at so small an r it needs one or two terms more than the best polynomial would.

#if defined(FW_REAL_IS_FLOAT)
enum { exponent_bias = 127, fraction_bits = 23 };
static const real ln2_high = 0x1.62e3p-1f;         // few enough bits that n ln2_high is exact
static const real ln2_low = 0x1.2fefa2p-17f;       // ln 2 - ln2_high
static const real exp_overflows = 89, exp_vanishes = -104, tanh_is_one = 10;
static const real taylor[] = {1.f / 2, 1.f / 6, 1.f / 24, 1.f / 120, 1.f / 720, 1.f / 5040};
#else
enum { exponent_bias = 1023, fraction_bits = 52 };
static const real ln2_high = 0x1.62e42feep-1;
static const real ln2_low = 0x1.a39ef35793c76p-33;
static const real exp_overflows = 710, exp_vanishes = -746, tanh_is_one = 20;
static const real taylor[] = {1. / 2,       1. / 6,         1. / 24,         1. / 120,
                              1. / 720,     1. / 5040,      1. / 40320,      1. / 362880,
                              1. / 3628800, 1. / 39916800., 1. / 479001600., 1. / 6227020800.};
#endif
enum { taylor_terms = sizeof taylor / sizeof taylor[0] };

/// 2^n for an exponent that a normal number can have.
INLINE vector power_of_two(bits_vector n) {
  return of_bits((n + exponent_bias) << fraction_bits);
}

/// p, and n in two's complement.
INLINE vector split_exponential(vector x, bits_vector *n) {
  // Adding 1.5 · 2^fraction_bits leaves no room for a fraction, so the sum is rounded to an integer that
  // can be read off its low bits. A conversion to integer would be undefined for NaN.
  const vector shift = splat((real)1.5 * ((bits)1 << fraction_bits));
  const vector shifted = madd(x, splat((real)1.44269504088896340736), shift);
  *n = bits_of(shifted) - bits_of(shift);

  const vector whole_part = shifted - shift;
  const vector r = madd(whole_part, splat(-ln2_low), madd(whole_part, splat(-ln2_high), x));
  vector series = splat(taylor[taylor_terms - 1]);
  UNROLL for (int i = taylor_terms - 2; i >= 0; i--) series = madd(series, r, splat(taylor[i]));
  return madd(series, r * r, r);
}

INLINE vector exponential(vector x) {
  x = x > exp_overflows ? splat(exp_overflows) : x;
  x = x < exp_vanishes ? splat(exp_vanishes) : x;
  bits_vector n;
  const vector p = split_exponential(x, &n);
  // In two steps: n itself may be an exponent that only infinity or a subnormal number has.
  const bits_vector half = (bits_vector)((whole_vector)n >> 1);
  return (1 + p) * power_of_two(half) * power_of_two(n - half);
}

INLINE vector sigmoid(vector z) { return 1 / (1 + exponential(-z)); }

/// q / (q + 2) with q = e^(2|x|) - 1, which keeps the digits of a small x that 1 - 2 / (q + 2) would lose.
INLINE vector hyperbolic_tangent(vector x) {
  const bits_vector sign = bits_of(x) & bits_of(splat(-(real)0.0));
  vector size = of_bits(bits_of(x) ^ sign);
  size = size > tanh_is_one ? splat(tanh_is_one) : size;
  bits_vector n;
  const vector p = split_exponential(2 * size, &n);
  const vector power = power_of_two(n);
  const vector q = madd(power, p, power - 1);
  return of_bits(bits_of(q / (q + 2)) | sign);
}
