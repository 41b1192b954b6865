// What is done with two blocks of elements to tell how they differ, at one CPU level: included by
// difference_v4.c and its like, which define FW_X86_LEVEL and the name of the table to export.

#include "../table.h"

#if FW_X86_LEVEL == 4
#define TARGET __attribute__((target("arch=x86-64-v4")))
#elif FW_X86_LEVEL == 3
#define TARGET __attribute__((target("arch=x86-64-v3")))
#endif

// A fused operation here and none there would be different bits.
#pragma STDC FP_CONTRACT OFF
#pragma clang diagnostic ignored "-Wpsabi"

#ifdef TARGET
#pragma clang attribute push(TARGET, apply_to = function)
#endif

#include "elements.h"

#include "lanes.h"

/// Eight doubles, or what is left of them and zeros.
FW_INLINE lanes lanes_at(const void *doubles, ptrdiff_t index, ptrdiff_t count) {
  const unsigned char *bytes = (const unsigned char *)doubles + index * (ptrdiff_t)sizeof(double);
  lanes v = 0;
  if (count - index >= lane_count) {
    memcpy(&v, bytes, sizeof v);
  } else {
    memcpy(&v, bytes, (size_t)(count - index) * sizeof(double));
  }
  return v;
}

/// The same of floats.
FW_INLINE lanes float32_lanes_at(const void *floats, ptrdiff_t index, ptrdiff_t count) {
  typedef float float_lanes __attribute__((ext_vector_type(8)));
  const unsigned char *bytes = (const unsigned char *)floats + index * (ptrdiff_t)sizeof(float);
  float_lanes v = 0;
  if (count - index >= lane_count) {
    memcpy(&v, bytes, sizeof v);
  } else {
    memcpy(&v, bytes, (size_t)(count - index) * sizeof(float));
  }
  return __builtin_convertvector(v, lanes);
}

FW_INLINE double largest_of_lanes(lanes v) {
  double largest = v[0];
  for (int i = 1; i < lane_count; i++) largest = v[i] > largest ? v[i] : largest;
  return largest;
}

// MARK: Differences

static void scale(const void *source, void *target, ptrdiff_t count, double factor) {
  const float64 *in = source;
  float64 *out = target;
  for (ptrdiff_t i = 0; i < count; i++) out[i] = in[i] * factor;
}

static void subtract(const void *first, const void *second, double *difference, ptrdiff_t count) {
  const float64 *a = first, *b = second;
  for (ptrdiff_t i = 0; i < count; i++) difference[i] = a[i] - b[i];
}

/// Exact before its one rounding: of two signs the sizes add up, to at most a carry and 64 bits, of which
/// the lowest then only says whether there is more.
FW_INLINE double integer_difference(uint64_t a, int a_has_sign, uint64_t b, int b_has_sign) {
  const int a_is_negative = a_has_sign & (int)(a >> 63), b_is_negative = b_has_sign & (int)(b >> 63);
  const uint64_t apart = a > b ? a - b : b - a;
  const uint64_t sum = a_is_negative ? b - a : a - b;
  const int carries = a_is_negative ? sum < b : sum < a;
  const double large = 2 * (double)(sum >> 1 | (sum & 1) | (uint64_t)1 << 63);
  const double sizes = carries ? large : (double)sum;
  const int has_two_signs = a_is_negative != b_is_negative;
  const double size = has_two_signs ? sizes : (double)apart;
  const int is_less = has_two_signs ? a_is_negative : a < b;
  return is_less ? -size : size;
}

FW_INLINE double double_of_integer(uint64_t value, int has_sign) {
  return has_sign ? (double)(int64_t)value : (double)value;
}

FW_INLINE void subtract_any_integers(const uint64 *first, int a_has_sign, const uint64 *second,
                                     int b_has_sign, double *a, double *b, double *difference,
                                     ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++) {
    a[i] = double_of_integer(first[i], a_has_sign);
    b[i] = double_of_integer(second[i], b_has_sign);
    difference[i] = integer_difference(first[i], a_has_sign, second[i], b_has_sign);
  }
}

static void subtract_integers(const void *first, int a_is_unsigned, const void *second,
                              int b_is_unsigned, double *a, double *b, double *difference,
                              ptrdiff_t count) {
  // Four loops without a question inside.
  if (a_is_unsigned) {
    if (b_is_unsigned) subtract_any_integers(first, 0, second, 0, a, b, difference, count);
    if (!b_is_unsigned) subtract_any_integers(first, 0, second, 1, a, b, difference, count);
  } else {
    if (b_is_unsigned) subtract_any_integers(first, 1, second, 0, a, b, difference, count);
    if (!b_is_unsigned) subtract_any_integers(first, 1, second, 1, a, b, difference, count);
  }
}

/// The sizes of complex numbers, and of their differences.
static void subtract_complex(const void *first, const void *second, double *a, double *b,
                             double *difference, ptrdiff_t count) {
  const complex128 *x = first, *y = second;
  for (ptrdiff_t i = 0; i < count; i++) {
    a[i] = size_of_complex128(x[i]);
    b[i] = size_of_complex128(y[i]);
    const complex128 apart = {x[i].real - y[i].real, x[i].imaginary - y[i].imaginary};
    difference[i] = size_of_complex128(apart);
  }
}

// MARK: Sums and extremes

struct product_sums {
  lanes products, first_squares, second_squares, first_largest, second_largest;
};

FW_INLINE void add_pair(struct product_sums *sums, lanes a, lanes b) {
  const lanes first_size = __builtin_elementwise_abs(a), second_size = __builtin_elementwise_abs(b);
  sums->first_largest = first_size > sums->first_largest ? first_size : sums->first_largest;
  sums->second_largest = second_size > sums->second_largest ? second_size : sums->second_largest;
  sums->products += a * b;
  sums->first_squares += a * a;
  sums->second_squares += b * b;
}

FW_INLINE struct fw_products products_of(const struct product_sums *sums) {
  return (struct fw_products){
      .products = sum_of_lanes(sums->products),
      .first_squares = sum_of_lanes(sums->first_squares),
      .second_squares = sum_of_lanes(sums->second_squares),
      .first_largest = largest_of_lanes(sums->first_largest),
      .second_largest = largest_of_lanes(sums->second_largest),
  };
}

static void add_products(const void *first, const void *second, ptrdiff_t count,
                         struct fw_products *total) {
  struct product_sums sums = {0};
  for (ptrdiff_t i = 0; i < count; i += lane_count) {
    add_pair(&sums, lanes_at(first, i, count), lanes_at(second, i, count));
  }
  *total = products_of(&sums);
}

static void add_squares(const void *numbers, ptrdiff_t count, struct fw_products *total) {
  lanes squares = 0, largest = 0;
  for (ptrdiff_t i = 0; i < count; i += lane_count) {
    const lanes v = lanes_at(numbers, i, count), size = __builtin_elementwise_abs(v);
    largest = size > largest ? size : largest;
    squares += v * v;
  }
  total->products = total->first_squares = total->second_squares = sum_of_lanes(squares);
  total->first_largest = total->second_largest = largest_of_lanes(largest);
}

struct gap_sums {
  mask same, close, promising;
  lanes squares, largest;
};

/// A quotient beats the record only if its dividend is at least the record times its divisor, however
/// that product is rounded: so no block is divided that cannot hold a new one.
FW_INLINE void add_gap(struct gap_sums *sums, lanes difference, lanes first, lanes second,
                       double absolute, double relative, double record) {
  const lanes gap = __builtin_elementwise_abs(difference), zero = 0;
  const lanes a = __builtin_elementwise_abs(first), b = __builtin_elementwise_abs(second);
  const lanes size = a > b ? a : b;
  const mask is_same = gap == zero;
  sums->same += is_same;
  sums->close += gap <= absolute + relative * size;
  sums->promising |= (gap >= record * size) & ~is_same;
  sums->largest = gap > sums->largest ? gap : sums->largest;
  sums->squares += gap * gap;
}

FW_INLINE struct fw_gaps gaps_of(const struct gap_sums *sums, ptrdiff_t count) {
  const int64_t missing = (lane_count - count % lane_count) % lane_count;
  return (struct fw_gaps){
      .differing = count + missing - count_of_lanes(sums->same),
      .outside = count + missing - count_of_lanes(sums->close),
      .largest = largest_of_lanes(sums->largest),
      .squares = sum_of_lanes(sums->squares),
      .is_promising = count_of_lanes(sums->promising) > 0,
  };
}

static struct fw_gaps compare(const double *difference, const void *first, const void *second,
                              ptrdiff_t count, double absolute, double relative, double record) {
  struct gap_sums sums = {0};
  for (ptrdiff_t i = 0; i < count; i += lane_count) {
    add_gap(&sums, lanes_at(difference, i, count), lanes_at(first, i, count),
            lanes_at(second, i, count), absolute, relative, record);
  }
  return gaps_of(&sums, count);
}

/// The same of both kinds of sums in one loop, from floats as they lie there.
#define COMPARE(name, LANES_AT)                                                               \
  static struct fw_gaps name(const void *first, const void *second, ptrdiff_t count,          \
                             double absolute, double relative, double record,                 \
                             struct fw_products *products) {                                  \
    struct product_sums product_sums = {0};                                                   \
    struct gap_sums gap_sums = {0};                                                           \
    for (ptrdiff_t i = 0; i < count; i += lane_count) {                                       \
      const lanes a = LANES_AT(first, i, count), b = LANES_AT(second, i, count);              \
      add_pair(&product_sums, a, b);                                                          \
      add_gap(&gap_sums, a - b, a, b, absolute, relative, record);                            \
    }                                                                                         \
    *products = products_of(&product_sums);                                                   \
    return gaps_of(&gap_sums, count);                                                         \
  }

COMPARE(compare_float32, float32_lanes_at)
COMPARE(compare_float64, lanes_at)

static int64_t count_far(const double *difference, const void *first, const void *second,
                         const uint64_t *distances, ptrdiff_t count, double absolute,
                         double relative, uint64_t ulps) {
  const float64 *x = first, *y = second;
  int64_t far = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    const double a = __builtin_fabs(x[i]), b = __builtin_fabs(y[i]);
    const double allowed = absolute + relative * (a > b ? a : b);
    far += !(__builtin_fabs(difference[i]) <= allowed) & (distances[i] > ulps);
  }
  return far;
}

// MARK: Patterns

/// The number of patterns from one float to another: a negative one counts downwards from zero.
#define DISTANCE(name, Unsigned, Signed)                                                      \
  FW_INLINE Unsigned name(Unsigned a, Unsigned b, Unsigned end) {                             \
    const Unsigned size = (Unsigned)((Unsigned)~(Unsigned)0 >> 1);                            \
    const Unsigned x = a & size, y = b & size;                                                \
    const Signed p = (Signed)(a > size ? (Unsigned)-x : x);                                   \
    const Signed q = (Signed)(b > size ? (Unsigned)-y : y);                                   \
    const Unsigned apart =                                                                    \
        (Unsigned)(p > q ? (Unsigned)p - (Unsigned)q : (Unsigned)q - (Unsigned)p);            \
    return ((x < end) & (y < end)) ? apart : 0;                                               \
  }

/// In a block fewer than 2^16 patterns differ; what counts them is no wider than it must be.
#define PATTERNS(bits, Element, Unsigned, Signed, Counter)                                    \
  DISTANCE(distance_##bits, Unsigned, Signed)                                                 \
  static struct fw_patterns patterns_##bits(const void *first, const void *second,            \
                                            ptrdiff_t count, uint64_t end) {                  \
    const Element *a = first, *b = second;                                                    \
    Unsigned largest = 0;                                                                     \
    Counter differing = 0;                                                                    \
    for (ptrdiff_t i = 0; i < count; i++) {                                                   \
      const Unsigned apart = distance_##bits(a[i], b[i], (Unsigned)end);                      \
      differing += a[i] != b[i];                                                              \
      largest = apart > largest ? apart : largest;                                            \
    }                                                                                         \
    return (struct fw_patterns){.differing = (int64_t)differing, .largest = largest};         \
  }                                                                                           \
  static void distances_##bits(const void *first, const void *second, uint64_t *distances,    \
                               ptrdiff_t count, uint64_t end) {                               \
    const Element *a = first, *b = second;                                                    \
    for (ptrdiff_t i = 0; i < count; i++) {                                                   \
      distances[i] = distance_##bits(a[i], b[i], (Unsigned)end);                              \
    }                                                                                         \
  }

PATTERNS(8, uint8, uint8_t, int8_t, uint16_t)
PATTERNS(16, uint16, uint16_t, int16_t, uint16_t)
PATTERNS(32, uint32, uint32_t, int32_t, uint32_t)
PATTERNS(64, uint64, uint64_t, int64_t, uint64_t)

static struct fw_patterns patterns_128(const void *first, const void *second, ptrdiff_t count,
                                       uint64_t end) {
  const uint64 *a = first, *b = second;
  int64_t differing = 0;
  for (ptrdiff_t i = 0; i < count; i++) {
    differing += (a[2 * i] != b[2 * i]) | (a[2 * i + 1] != b[2 * i + 1]);
  }
  (void)end;
  return (struct fw_patterns){.differing = differing};
}

#ifdef TARGET
#pragma clang attribute pop
#endif

const struct fw_difference_table FW_EXPORTED_TABLE = {
    .scale = scale,
    .subtract = subtract,
    .subtract_integers = subtract_integers,
    .subtract_complex = subtract_complex,
    .add_products = add_products,
    .add_squares = add_squares,
    .compare = compare,
    .compare_floats = {compare_float32, compare_float64},
    .count_far = count_far,
    .patterns = {patterns_8, patterns_16, patterns_32, patterns_64, patterns_128},
    .distances = {distances_8, distances_16, distances_32, distances_64},
};
