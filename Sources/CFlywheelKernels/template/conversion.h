// The steps of conversions, and what else reads all elements of a tensor, at one CPU level: included by
// conversion_v4.c and its like, which define FW_X86_LEVEL and the name of the table to export.

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

// MARK: Steps

/// A step that takes every value: EXPRESSION says what becomes of in[i].
#define STEP(name, In, Out, EXPRESSION)                                          \
  static ptrdiff_t name(const void *source, void *target, ptrdiff_t count) {     \
    const In *restrict in = source;                                              \
    Out *restrict out = target;                                                  \
    for (ptrdiff_t i = 0; i < count; i++) out[i] = (EXPRESSION);                 \
    return count;                                                                \
  }

/// A step that stops where FITS is not true. It looks for the place only once there is one: a loop that
/// may end anywhere does not vectorise.
#define CHECKED_STEP(name, In, Out, FITS, EXPRESSION)                            \
  static ptrdiff_t name(const void *source, void *target, ptrdiff_t count) {     \
    const In *restrict in = source;                                              \
    Out *restrict out = target;                                                  \
    int misfits = 0;                                                             \
    for (ptrdiff_t i = 0; i < count; i++) {                                      \
      misfits |= !(FITS);                                                        \
      out[i] = (EXPRESSION);                                                     \
    }                                                                            \
    if (!misfits) return count;                                                  \
    for (ptrdiff_t i = 0; i < count; i++) {                                      \
      if (!(FITS)) return i;                                                     \
    }                                                                            \
    return count;                                                                \
  }

STEP(float8_e4m3fn_to_float32, uint8, float32, fw_float_of_float8_e4m3fn(in[i]))
STEP(float8_e5m2_to_float32, uint8, float32, fw_float_of_float8_e5m2(in[i]))
STEP(bfloat16_to_float32, uint16, float32, fw_float_of_bfloat16(in[i]))
STEP(float32_to_float8_e4m3fn, float32, uint8, fw_float8_e4m3fn_of_float(in[i]))
STEP(float32_to_float8_e5m2, float32, uint8, fw_float8_e5m2_of_float(in[i]))
STEP(float32_to_bfloat16, float32, uint16, fw_bfloat16_of_float(in[i]))

#if FW_X86_LEVEL >= 3 || defined(__aarch64__)
// The processor's own instructions, which do what the functions for every other format do.
typedef _Float16 float16 ANYWHERE;
STEP(float16_to_float32, float16, float32, (float)in[i])
STEP(float32_to_float16, float32, float16, (_Float16)in[i])
#else
STEP(float16_to_float32, uint16, float32, fw_float_of_float16(in[i]))
STEP(float32_to_float16, float32, uint16, fw_float16_of_float(in[i]))
#endif

FW_INLINE float odd_float(double value) {
  const float nearest = (float)value;
  const uint32_t bits = fw_bits_of(nearest);
  const int is_inexact = (double)nearest != value && value == value;
  const uint32_t went_away = __builtin_fabs((double)nearest) > __builtin_fabs(value);
  return fw_float_of(is_inexact ? (bits - went_away) | 1 : bits);
}

/// From 2^53 on, the lowest 11 bits become one bit above them, which is set if any of them is. What
/// stays is exact in a double, and still long enough for all that is rounded to fewer bits.
FW_INLINE double odd_double(uint64_t size) {
  const uint64_t rest = ((size & 0x7FF) + 0x7FF) & 0x800;
  return (double)(size >> 53 ? (size & ~(uint64_t)0x7FF) | rest : size);
}

FW_INLINE double odd_signed_double(int64_t value) {
  const double size = odd_double(value < 0 ? -(uint64_t)value : (uint64_t)value);
  return value < 0 ? -size : size;
}

STEP(float32_to_float64, float32, float64, (double)in[i])
STEP(float64_to_float32, float64, float32, (float)in[i])
STEP(float64_to_odd_float32, float64, float32, odd_float(in[i]))
STEP(int64_to_float64, int64, float64, (double)in[i])
STEP(uint64_to_float64, uint64, float64, (double)in[i])
STEP(int64_to_odd_float64, int64, float64, odd_signed_double(in[i]))
STEP(uint64_to_odd_float64, uint64, float64, odd_double(in[i]))

// Not a range of integers but of what is one after truncation; NaN is in none.
#define IS_INT64 (in[i] >= -0x1p63 && in[i] < 0x1p63)
#define IS_UINT64 (in[i] > -1 && in[i] < 0x1p64)
CHECKED_STEP(float64_to_int64, float64, int64, IS_INT64, IS_INT64 ? (int64_t)in[i] : 0)
CHECKED_STEP(float64_to_uint64, float64, uint64, IS_UINT64, IS_UINT64 ? (uint64_t)in[i] : 0)

STEP(int8_to_int64, int8, int64, in[i])
STEP(int16_to_int64, int16, int64, in[i])
STEP(int32_to_int64, int32, int64, in[i])
STEP(uint8_to_int64, uint8, int64, in[i])
STEP(uint16_to_int64, uint16, int64, in[i])
STEP(uint32_to_int64, uint32, int64, in[i])
CHECKED_STEP(uint64_to_int64, uint64, int64, in[i] <= INT64_MAX, (int64_t)in[i])
#define IS(type) (in[i] == (type)in[i])
CHECKED_STEP(int64_to_int8, int64, int8, IS(int8_t), (int8_t)in[i])
CHECKED_STEP(int64_to_int16, int64, int16, IS(int16_t), (int16_t)in[i])
CHECKED_STEP(int64_to_int32, int64, int32, IS(int32_t), (int32_t)in[i])
CHECKED_STEP(int64_to_uint8, int64, uint8, IS(uint8_t), (uint8_t)in[i])
CHECKED_STEP(int64_to_uint16, int64, uint16, IS(uint16_t), (uint16_t)in[i])
CHECKED_STEP(int64_to_uint32, int64, uint32, IS(uint32_t), (uint32_t)in[i])
CHECKED_STEP(int64_to_uint64, int64, uint64, in[i] >= 0, (uint64_t)in[i])

/// Products of two floats are exact in a double, and their sum is far from overflow.
FW_INLINE double size_of_complex64(complex64 z) {
  const double real = __builtin_fabs((double)z.real), imaginary = __builtin_fabs((double)z.imaginary);
  const double size = __builtin_elementwise_sqrt(real * real + imaginary * imaginary);
  const int is_infinite = real == __builtin_inf() || imaginary == __builtin_inf();
  return is_infinite ? __builtin_inf() : size;
}

STEP(float32_to_complex64, float32, complex64, ((complex64){in[i], 0}))
STEP(float64_to_complex128, float64, complex128, ((complex128){in[i], 0}))
CHECKED_STEP(complex64_to_float32, complex64, float32, in[i].imaginary == 0, in[i].real)
CHECKED_STEP(complex128_to_float64, complex128, float64, in[i].imaginary == 0, in[i].real)
STEP(complex64_size_to_float64, complex64, float64, size_of_complex64(in[i]))
STEP(complex128_size_to_float64, complex128, float64, size_of_complex128(in[i]))

STEP(integer8_to_bool, uint8, uint8, in[i] != 0)
STEP(integer16_to_bool, uint16, uint8, in[i] != 0)
STEP(integer32_to_bool, uint32, uint8, in[i] != 0)
STEP(integer64_to_bool, uint64, uint8, in[i] != 0)
STEP(float8_to_bool, uint8, uint8, (in[i] & 0x7F) != 0)
STEP(half_to_bool, uint16, uint8, (in[i] & 0x7FFF) != 0)
STEP(float32_to_bool, float32, uint8, in[i] != 0)
STEP(float64_to_bool, float64, uint8, in[i] != 0)
STEP(complex64_to_bool, complex64, uint8, in[i].real != 0 || in[i].imaginary != 0)
STEP(complex128_to_bool, complex128, uint8, in[i].real != 0 || in[i].imaginary != 0)

// MARK: Statistics

#include "lanes.h"

/// Calls BODY with each eight doubles as `v`. What is missing in the last eight is NaN, which is not
/// finite, and not zero.
#define FOR_LANES(BODY)                                                          \
  do {                                                                           \
    ptrdiff_t done = 0;                                                          \
    lanes v;                                                                     \
    for (; done + lane_count <= count; done += lane_count) {                     \
      memcpy(&v, bytes + done * (ptrdiff_t)sizeof(double), sizeof v);            \
      v *= scale;                                                                \
      BODY                                                                       \
    }                                                                            \
    if (done < count) {                                                          \
      v = __builtin_nan("");                                                     \
      memcpy(&v, bytes + done * (ptrdiff_t)sizeof(double),                       \
             (size_t)(count - done) * sizeof(double));                           \
      v *= scale;                                                                \
      BODY                                                                       \
    }                                                                            \
  } while (0)

static void add_statistics(const void *source, ptrdiff_t count, double scale,
                           fw_statistics *total) {
  const unsigned char *bytes = source;
  const lanes zero = 0, infinity = __builtin_inf();
  mask finite = 0, zeros = 0;
  lanes minimum = infinity, maximum = -infinity, sum = 0, squares = 0, deviations = 0;
  FOR_LANES({
    const mask is_finite = __builtin_elementwise_abs(v) < infinity;
    const lanes number = is_finite ? v : zero;
    finite += is_finite;
    zeros += v == zero;
    minimum = (is_finite & (v < minimum)) ? v : minimum;
    maximum = (is_finite & (v > maximum)) ? v : maximum;
    sum += number;
    squares += number * number;
  });
  const int64_t new_count = count_of_lanes(finite);
  const double new_sum = sum_of_lanes(sum);
  const lanes mean = new_count > 0 ? new_sum / (double)new_count : 0;
  FOR_LANES({
    const mask is_finite = __builtin_elementwise_abs(v) < infinity;
    const lanes difference = is_finite ? v - mean : zero;
    deviations += difference * difference;
  });

  if (new_count < count) {
    mask nans = 0, positive = 0, negative = 0;
    FOR_LANES({
      nans += v != v;
      positive += v == infinity;
      negative += v == -infinity;
    });
    total->nans += count_of_lanes(nans) - (lane_count - count % lane_count) % lane_count;
    total->positive_infinities += count_of_lanes(positive);
    total->negative_infinities += count_of_lanes(negative);
  }
  if (new_count > 0) {
    const double old = (double)total->finite, new = (double)new_count;
    const double apart = total->finite > 0 ? mean[0] - total->sum / old : 0;
    total->deviations += sum_of_lanes(deviations) + apart * apart * (old * new / (old + new));
  }
  total->finite += new_count;
  total->zeros += count_of_lanes(zeros);
  for (int i = 0; i < lane_count; i++) {
    if (minimum[i] < total->minimum) total->minimum = minimum[i];
    if (maximum[i] > total->maximum) total->maximum = maximum[i];
  }
  total->sum += new_sum;
  total->squares += sum_of_lanes(squares);
}

// MARK: Bytes

#define ALL_FINITE(name, type)                                                           \
  static int name(const void *source, ptrdiff_t count, uint64_t exponent) {              \
    const type *in = source;                                                             \
    const type all = (type)exponent;                                                     \
    type bad = 0;                                                                        \
    for (ptrdiff_t i = 0; i < count; i++) bad |= (in[i] & all) == all;                   \
    return !bad;                                                                         \
  }

#define SWAP(name, type, SWAPPED)                                                        \
  static void name(const void *source, void *target, ptrdiff_t count) {                  \
    const type *restrict in = source;                                                    \
    type *restrict out = target;                                                         \
    for (ptrdiff_t i = 0; i < count; i++) out[i] = SWAPPED(in[i]);                       \
  }

ALL_FINITE(all_finite_8, uint8)
ALL_FINITE(all_finite_16, uint16)
ALL_FINITE(all_finite_32, uint32)
ALL_FINITE(all_finite_64, uint64)

SWAP(swap_8, uint8, )
SWAP(swap_16, uint16, __builtin_bswap16)
SWAP(swap_32, uint32, __builtin_bswap32)
SWAP(swap_64, uint64, __builtin_bswap64)

#ifdef TARGET
#pragma clang attribute pop
#endif

#define FW_STEP_ENTRY(name, before, after) [fw_##name] = name,
const struct fw_conversion_table FW_EXPORTED_TABLE = {
    .steps = {FW_STEPS(FW_STEP_ENTRY)},
    .add_statistics = add_statistics,
    .all_finite = {all_finite_8, all_finite_16, all_finite_32, all_finite_64},
    .swap_bytes = {swap_8, swap_16, swap_32, swap_64},
};
