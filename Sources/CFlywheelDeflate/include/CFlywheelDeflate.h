// A fast deflate (RFC 1951) made for the bytes of tensors, HDF5's byte shuffle, and Adler-32.
//
// Deflate here is a choice per segment of about 128 KiB: stored, where the bytes are noise; otherwise
// Huffman codes made for the segment, with or without matches, by what the sizes say. The output
// depends on the input alone: every CPU gives the same bytes.

#ifndef CFLYWHEELDEFLATE_H
#define CFLYWHEELDEFLATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// What a function may use; every CPU can run FW_DEFLATE_BASE.
enum fw_deflate_cpu { FW_DEFLATE_BASE = 0, FW_DEFLATE_AVX2 = 1 };

/// The best that this CPU can run.
enum fw_deflate_cpu fw_deflate_best_cpu(void);

/// Adler-32 (RFC 1950), with zlib's calling convention: start with 1, and hand the result back in to
/// go on with the next bytes.
uint32_t fw_adler32(enum fw_deflate_cpu cpu, uint32_t adler, const uint8_t *bytes, size_t count);

/// HDF5's filter 2: first the first byte of every element, then the second ones, … Bytes that make no
/// whole element stay at the end. `element` is 1 or more; the two do not overlap.
void fw_shuffle(const uint8_t *bytes, size_t count, size_t element, uint8_t *out);

/// What fw_shuffle has at from ..< from + length.
void fw_shuffle_part(const uint8_t *bytes, size_t count, size_t element, size_t from, size_t length,
                     uint8_t *out);

/// The way back from fw_shuffle.
void fw_unshuffle(const uint8_t *bytes, size_t count, size_t element, uint8_t *out);

/// The room that fw_deflate needs for its output, SIZE_MAX if that is no number.
size_t fw_deflate_bound(size_t count);

/// Writes bytes as one part of a raw deflate stream, which ends on a byte: with the final block if
/// `is_last`, else with an empty stored block, so that parts made separately join to one stream.
/// `element` says at which distance the bytes are alike (4 for float32). Returns the number of bytes
/// written, 0 if there is no memory for the tables (about 0.7 MB, whatever the count).
size_t fw_deflate(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count, size_t element,
                  int is_last, uint8_t *out);

/// The same without compressing.
size_t fw_deflate_stored(const uint8_t *bytes, size_t count, int is_last, uint8_t *out);

/// The room that fw_deflate_shuffled_zlib needs, SIZE_MAX if that is no number.
size_t fw_deflate_shuffled_zlib_bound(size_t count);

/// Writes the shuffled form of bytes as a zlib stream (RFC 1950), without compressing it if `is_stored`.
/// Returns as fw_deflate does.
size_t fw_deflate_shuffled_zlib(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count,
                                size_t element, int is_stored, uint8_t *out);

#ifdef __cplusplus
}
#endif

#endif
