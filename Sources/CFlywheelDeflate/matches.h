// Finds what of a segment came before.

#ifndef FW_MATCHES_H
#define FW_MATCHES_H

#include "blocks.h"

#define FW_HASH_BITS 15
#define FW_HASH3_BITS 13

/// Where bytes were seen. Positions are counted from `base`, plus FW_DISTANCE_MAX, so that zero is too far
/// away from everything.
struct fw_finder {
  const uint8_t *base;
  uint32_t newest[1 << FW_HASH_BITS];
  uint32_t newest3[1 << FW_HASH3_BITS];
  /// For each position, modulo the window, the one before it with the same hash.
  uint32_t older[FW_DISTANCE_MAX];
};

/// Positions are 32 bits wide: start anew after so many bytes.
#define FW_FINDER_MAX ((ptrdiff_t)1 << 30)

/// Forgets everything.
void fw_finder_start(struct fw_finder *finder, const uint8_t *base);

/// Adds the runs in bytes[from..<to]: at least `least` bytes that repeat those one or `element` bytes
/// before them. Nothing before `bytes` is touched.
void fw_find_runs(const uint8_t *bytes, size_t from, size_t to, size_t element, size_t least,
                  struct fw_sequences *sequences);

/// Adds matches in bytes[from..<to] with anything since the finder's base, of which at most `depth` places
/// are looked at. `bytes` is at or after the base, and calls go forward.
void fw_find_matches(struct fw_finder *finder, const uint8_t *bytes, size_t from, size_t to, int depth,
                     struct fw_sequences *sequences);

#endif
