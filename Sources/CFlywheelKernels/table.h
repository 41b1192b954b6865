// The kernels of one level, as function pointers: what each compiled copy of the template exports, and
// what the dispatcher calls through. The signatures are those of the public functions.

#ifndef FW_TABLE_H
#define FW_TABLE_H

#include "CFlywheelKernels.h"

/// Returns how many elements, from the first on, it took.
typedef ptrdiff_t fw_step_function(const void *source, void *target, ptrdiff_t count);

struct fw_conversion_table {
  fw_step_function *steps[fw_step_count];
  void (*add_statistics)(const void *doubles, ptrdiff_t count, double scale, fw_statistics *total);
  // For elements of 1, 2, 4 and 8 bytes.
  int (*all_finite[4])(const void *source, ptrdiff_t count, uint64_t exponent);
  void (*swap_bytes[4])(const void *source, void *target, ptrdiff_t count);
};

/// The table of the level in use.
const struct fw_conversion_table *fw_conversion_kernels(void);

/// The sums of a b, of a^2 and of b^2 in a block, and the largest |a| and |b|. A sum of squares is finite
/// only if all numbers are.
struct fw_products {
  double products, first_squares, second_squares, first_largest, second_largest;
};

/// What the differences in a block are like, and whether one may be relatively larger than the record.
struct fw_gaps {
  int64_t differing, outside;
  double largest, squares;
  int is_promising;
};

/// How many patterns of a block differ, and how far the finite ones do at most.
struct fw_patterns {
  int64_t differing;
  uint64_t largest;
};

/// Each kernel takes at most a block. Those that take `void *` take doubles at any address.
struct fw_difference_table {
  void (*scale)(const void *source, void *target, ptrdiff_t count, double factor);
  void (*subtract)(const void *first, const void *second, double *difference, ptrdiff_t count);
  // Integers of 64 bits; a and b become the nearest doubles.
  void (*subtract_integers)(const void *first, int a_is_unsigned, const void *second,
                            int b_is_unsigned, double *a, double *b, double *difference,
                            ptrdiff_t count);
  // Pairs of doubles; a and b become their absolute values.
  void (*subtract_complex)(const void *first, const void *second, double *a, double *b,
                           double *difference, ptrdiff_t count);
  void (*add_products)(const void *first, const void *second, ptrdiff_t count,
                       struct fw_products *total);
  // The same for a block and its equal.
  void (*add_squares)(const void *numbers, ptrdiff_t count, struct fw_products *total);
  struct fw_gaps (*compare)(const double *difference, const void *first, const void *second,
                            ptrdiff_t count, double absolute, double relative, double record);
  // From floats, and from doubles, that nothing was done with yet: the same bits as of the two above.
  struct fw_gaps (*compare_floats[2])(const void *first, const void *second, ptrdiff_t count,
                                      double absolute, double relative, double record,
                                      struct fw_products *products);
  // How many are further apart than allowed both in value and in patterns.
  int64_t (*count_far)(const double *difference, const void *first, const void *second,
                       const uint64_t *distances, ptrdiff_t count, double absolute, double relative,
                       uint64_t ulps);
  // For elements of 1, 2, 4, 8 and 16 bytes.
  struct fw_patterns (*patterns[5])(const void *first, const void *second, ptrdiff_t count,
                                    uint64_t end);
  void (*distances[4])(const void *first, const void *second, uint64_t *distances,
                       ptrdiff_t count, uint64_t end);
};

/// The table of the level in use.
const struct fw_difference_table *fw_difference_kernels(void);

#define FW_TABLE(suffix)                                                   \
  struct fw_table_##suffix {                                               \
    __typeof__(fw_dense_forward_##suffix) *dense_forward;                  \
    __typeof__(fw_dense_backward_##suffix) *dense_backward;                \
    __typeof__(fw_dense_update_##suffix) *dense_update;                    \
    __typeof__(fw_bias_update_##suffix) *bias_update;                      \
    __typeof__(fw_update_##suffix) *update;                                \
    __typeof__(fw_dense_gradient_##suffix) *dense_gradient;                \
    __typeof__(fw_bias_gradient_##suffix) *bias_gradient;                  \
    __typeof__(fw_adaptive_update_##suffix) *adaptive_update;              \
    __typeof__(fw_sum_of_squares_##suffix) *sum_of_squares;                \
    __typeof__(fw_sigmoid_##suffix) *sigmoid;                              \
    __typeof__(fw_tanh_##suffix) *tanh;                                    \
    __typeof__(fw_relu_##suffix) *relu;                                    \
    __typeof__(fw_sigmoid_backward_##suffix) *sigmoid_backward;            \
    __typeof__(fw_tanh_backward_##suffix) *tanh_backward;                  \
    __typeof__(fw_relu_backward_##suffix) *relu_backward;                  \
    __typeof__(fw_sigmoid_cross_entropy_##suffix) *sigmoid_cross_entropy;  \
    __typeof__(fw_softmax_cross_entropy_##suffix) *softmax_cross_entropy;  \
    __typeof__(fw_squared_error_##suffix) *squared_error;                  \
    __typeof__(fw_sigmoid_squared_error_##suffix) *sigmoid_squared_error;  \
    __typeof__(fw_gather_bytes_##suffix) *gather_bytes;                    \
    __typeof__(fw_gather_rows_##suffix) *gather_rows;                      \
  }

FW_TABLE(f32);
FW_TABLE(f64);

#if defined(__x86_64__)
extern const struct fw_table_f32 fw_table_f32_v4, fw_table_f32_v3;
extern const struct fw_table_f64 fw_table_f64_v4, fw_table_f64_v3;
extern const struct fw_conversion_table fw_conversion_v4, fw_conversion_v3;
extern const struct fw_difference_table fw_difference_v4, fw_difference_v3;
#endif
extern const struct fw_table_f32 fw_table_f32_base;
extern const struct fw_table_f64 fw_table_f64_base;
extern const struct fw_conversion_table fw_conversion_base;
extern const struct fw_difference_table fw_difference_base;

#endif
