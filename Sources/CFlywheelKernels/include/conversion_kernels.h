// What reads all elements of a tensor, of any type, once: conversion, statistics, a search for what is
// not finite, and the other byte order. Bytes may lie at any address. Results are the same bits on
// every level.

/// Each conversion is one step or a few, each from one type to another:
/// X(name, bytes of an element before, bytes after).
///
/// Steps that say "checked" stop at the first element that the target does not hold. All others take
/// every value: to fewer bits they round to the nearest number, of two the even one.
#define FW_STEPS(X)                                                                    \
  X(float8_e4m3fn_to_float32, 1, 4)                                                    \
  X(float8_e5m2_to_float32, 1, 4)                                                      \
  X(float16_to_float32, 2, 4)                                                          \
  X(bfloat16_to_float32, 2, 4)                                                         \
  X(float32_to_float8_e4m3fn, 4, 1)                                                    \
  X(float32_to_float8_e5m2, 4, 1)                                                      \
  X(float32_to_float16, 4, 2)                                                          \
  X(float32_to_bfloat16, 4, 2)                                                         \
  X(float32_to_float64, 4, 8)                                                          \
  X(float64_to_float32, 8, 4)                                                          \
  /* To the neighbour with an odd pattern if it is not exact: what is rounded again, to fewer bits, is \
     then the same as if it had been rounded once. */                                  \
  X(float64_to_odd_float32, 8, 4)                                                      \
  X(int64_to_odd_float64, 8, 8)                                                        \
  X(uint64_to_odd_float64, 8, 8)                                                       \
  X(int64_to_float64, 8, 8)                                                            \
  X(uint64_to_float64, 8, 8)                                                           \
  X(float64_to_int64, 8, 8)     /* towards zero; checked */                            \
  X(float64_to_uint64, 8, 8)    /* towards zero; checked */                            \
  X(int8_to_int64, 1, 8)                                                               \
  X(int16_to_int64, 2, 8)                                                              \
  X(int32_to_int64, 4, 8)                                                              \
  X(uint8_to_int64, 1, 8)                                                              \
  X(uint16_to_int64, 2, 8)                                                             \
  X(uint32_to_int64, 4, 8)                                                             \
  X(uint64_to_int64, 8, 8)      /* checked */                                          \
  X(int64_to_int8, 8, 1)        /* checked */                                          \
  X(int64_to_int16, 8, 2)       /* checked */                                          \
  X(int64_to_int32, 8, 4)       /* checked */                                          \
  X(int64_to_uint8, 8, 1)       /* checked */                                          \
  X(int64_to_uint16, 8, 2)      /* checked */                                          \
  X(int64_to_uint32, 8, 4)      /* checked */                                          \
  X(int64_to_uint64, 8, 8)      /* checked */                                          \
  X(float32_to_complex64, 4, 8)                                                        \
  X(float64_to_complex128, 8, 16)                                                      \
  X(complex64_to_float32, 8, 4)   /* checked: the imaginary part is zero */            \
  X(complex128_to_float64, 16, 8) /* checked: the imaginary part is zero */            \
  /* Absolute values: infinite if a part is infinite, otherwise NaN if a part is. */   \
  X(complex64_size_to_float64, 8, 8)                                                   \
  X(complex128_size_to_float64, 16, 8)                                                 \
  /* 1 for what is not zero: integers and floats (-0 is zero) by their width. */       \
  X(integer8_to_bool, 1, 1)                                                            \
  X(integer16_to_bool, 2, 1)                                                           \
  X(integer32_to_bool, 4, 1)                                                           \
  X(integer64_to_bool, 8, 1)                                                           \
  X(float8_to_bool, 1, 1)                                                              \
  X(half_to_bool, 2, 1)                                                                \
  X(float32_to_bool, 4, 1)                                                             \
  X(float64_to_bool, 8, 1)                                                             \
  X(complex64_to_bool, 8, 1)                                                           \
  X(complex128_to_bool, 16, 1)

#define FW_STEP_NAME(name, before, after) fw_##name,
typedef enum { FW_STEPS(FW_STEP_NAME) fw_step_count } fw_step;
#undef FW_STEP_NAME

/// Takes elements through steps, of which there is at least one. Returns how many were converted: all,
/// or those before the first that a step does not take. Target and source do not overlap.
ptrdiff_t fw_convert(const fw_step *steps, ptrdiff_t step_count, const void *source, void *target,
                     ptrdiff_t count);

/// What is known about some numbers. Minimum, maximum and sums are over the finite ones.
typedef struct {
  int64_t finite, zeros, nans, positive_infinities, negative_infinities;
  /// Infinity and -infinity as long as nothing is finite.
  double minimum, maximum;
  /// The sums of the numbers, of their squares, and of the squares of their differences from the mean.
  double sum, squares, deviations;
} fw_statistics;

/// The statistics of elements that steps, or none, take to float64, multiplied by `scale`, which is a
/// power of two.
///
/// Sums are in float64 without fused operations, over blocks of 1,024 elements: within a block in 8
/// lanes, element i in lane i mod 8, which end in the tree ((0+1)+(2+3))+((4+5)+(6+7)); then from block
/// to block. Squared differences are from the mean of their own block, and joined by Chan, Golub and
/// LeVeque's formula (1979).
fw_statistics fw_statistics_of(const fw_step *steps, ptrdiff_t step_count, const void *source,
                               ptrdiff_t count, double scale);

/// Whether in no element of so many bytes (1, 2, 4 or 8) all bits of `exponent` are set.
int fw_all_finite(const void *source, ptrdiff_t count, ptrdiff_t element_size, uint64_t exponent);

/// Copies elements of so many bytes (1, 2, 4 or 8) in the other byte order.
void fw_swap_bytes(const void *source, void *target, ptrdiff_t count, ptrdiff_t element_size);
