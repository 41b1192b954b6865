// The kernels for one type at one CPU level. A file like float_v4.c defines which, includes this, and
// exports one table: so that everything below has plain names and a single source.

#include <math.h>
#include <string.h>

#include "../table.h"

#if defined(FW_REAL_IS_FLOAT)
typedef float real;
typedef int32_t whole;
typedef uint32_t bits;
#define PUBLIC(name) fw_##name##_f32
#define TABLE struct fw_table_f32
#else
typedef double real;
typedef int64_t whole;
typedef uint64_t bits;
#define PUBLIC(name) fw_##name##_f64
#define TABLE struct fw_table_f64
#endif
typedef PUBLIC(sgd_coefficients) sgd_coefficients;
typedef PUBLIC(adaptive_coefficients) adaptive_coefficients;
typedef PUBLIC(adaptive_buffers) adaptive_buffers;

// What a level is: its instructions, whether a multiply-add is rounded once, and how many 64-byte
// accumulators of a tile (rows x columns) its registers hold beside the operands.
#if FW_X86_LEVEL == 4
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define FUSED 1
#define TILE_ROWS 5
#define TILE_COLUMNS 3
#elif FW_X86_LEVEL == 3
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define FUSED 1
#define TILE_ROWS 2
#define TILE_COLUMNS 2
#elif defined(__aarch64__)
#define FUSED 1
#define TILE_ROWS 2
#define TILE_COLUMNS 2
#else
#define FUSED 0
#define TILE_ROWS 2
#define TILE_COLUMNS 1
#endif

// Only madd() may fuse: the compiler's own choice could differ between a debug and a release build.
#pragma STDC FP_CONTRACT OFF

// Vectors wider than a register have no settled calling convention; here every function that takes one
// is inlined.
#pragma clang diagnostic ignored "-Wpsabi"

#ifdef TARGET
#pragma clang attribute push(TARGET, apply_to = function)
#endif

#include "vector.h"

#include "exponential.h"

#include "activations.h"
#include "adaptive.h"
#include "dense.h"
#include "gather.h"
#include "outputs.h"

#ifdef TARGET
#pragma clang attribute pop
#endif

const TABLE FW_EXPORTED_TABLE = {
    .dense_forward = dense_forward,
    .dense_backward = dense_backward,
    .dense_update = dense_update,
    .bias_update = bias_update,
    .update = update,
    .dense_gradient = dense_gradient,
    .bias_gradient = bias_gradient,
    .adaptive_update = adaptive_update,
    .sum_of_squares = sum_of_squares,
    .sigmoid = sigmoid_rows,
    .tanh = tanh_rows,
    .relu = relu_rows,
    .sigmoid_backward = sigmoid_backward,
    .tanh_backward = tanh_backward,
    .relu_backward = relu_backward,
    .sigmoid_cross_entropy = sigmoid_cross_entropy,
    .softmax_cross_entropy = softmax_cross_entropy,
    .squared_error = squared_error,
    .sigmoid_squared_error = sigmoid_squared_error,
    .gather_bytes = gather_bytes,
    .gather_rows = gather_rows,
};
