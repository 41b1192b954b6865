// The arithmetic of a small network, the checksum of its bytes, and what converts and counts them.
//
// One source serves every CPU: on x86 each kernel is compiled for x86-64-v4, x86-64-v3 and plain
// x86-64, and the best level this CPU has is taken at the first call. The order of every sum is part
// of a kernel's definition: a sum over inputs runs in 64 bytes of lanes and ends in one fixed tree, a
// sum over samples or outputs runs in index order. So the bits of a result depend neither on the
// level, nor on the blocking, nor on whether the build is debug or release, but on one thing only:
// whether a multiplication and the addition after it are rounded once or twice. That is what
// fw_kernels_arithmetic() names.
//
// Conversions, statistics (conversion_kernels.h) and differences (difference_kernels.h) never fuse, and
// are the same bits everywhere.
//
// Every matrix is row-major and starts on 64 bytes; every row stride is a multiple of 16 elements, so
// vectors (biases too) are as long as a multiple of 16. Pad elements are zero when a kernel is called
// and zero when it returns. Counts may be zero. Matrices of one call do not overlap unless a comment
// says "in place".

#ifndef CFLYWHEELKERNELS_H
#define CFLYWHEELKERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "float_formats.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The level in use: "x86-64-v4", "x86-64-v3", "x86-64", "arm64" or "generic".
const char *fw_kernels_level(void);

/// What decides whether two machines agree on every bit: "fma" or "separate".
const char *fw_kernels_arithmetic(void);

/// Takes another level by its name, for tests. Returns 0, and changes nothing, if this CPU cannot run
/// it. No other thread may be in a kernel.
int fw_kernels_select(const char *level);

/// CRC-32 with zlib's polynomial and zlib's calling convention: start with 0, and hand the result back
/// in to go on with the next bytes.
uint32_t fw_crc32(uint32_t crc, const void *bytes, size_t count);

/// How fw_crc32 works on this CPU: "vpclmulqdq-512", "pclmulqdq", "arm64-crc32" or "table".
const char *fw_crc32_implementation(void);

#include "conversion_kernels.h"
#include "difference_kernels.h"
#include "layout_kernels.h"

// The typed kernels, once for float (…_f32) and once for double (…_f64).
#define FW_REAL float
#define FW_TYPED(name) fw_##name##_f32
#include "typed_kernels.h"
#undef FW_REAL
#undef FW_TYPED

#define FW_REAL double
#define FW_TYPED(name) fw_##name##_f64
#include "typed_kernels.h"
#undef FW_REAL
#undef FW_TYPED

#ifdef __cplusplus
}
#endif

#endif
