// One segment of a deflate stream as blocks (RFC 1951, section 3.2.3): the bytes, the matches found in
// them, and whichever of deflate's forms is the smallest.

#ifndef FW_BLOCKS_H
#define FW_BLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "bits.h"

/// The most bytes of a segment. More make the codes fit worse, fewer make their descriptions cost more.
#define FW_SEGMENT_MAX ((size_t)1 << 17)

#define FW_MATCH_MIN 3
#define FW_MATCH_MAX 258
#define FW_DISTANCE_MAX 32768

/// Some bytes as they are, then a match.
struct fw_sequence {
  uint32_t literals;
  uint16_t length;
  uint16_t distance;  // less one, to fit
};

/// The matches of a segment in order; bytes after the last are literals.
struct fw_sequences {
  size_t count;
  /// Where the last match ends.
  size_t covered;
  struct fw_sequence at[FW_SEGMENT_MAX / FW_MATCH_MIN + 1];
};

/// A stream that is being written. Segments that are to be stored wait until one comes that is not, so
/// that they share their headers.
struct fw_stream {
  struct fw_bits bits;
  const uint8_t *waiting;
  size_t waiting_count;
  int has_ended;
};

/// The most bits that the header of a stored block takes, which holds up to 65,535 bytes.
#define FW_STORED_OVERHEAD (3 + 7 + 32)

/// Writes bytes without codes, after all that came before; they must stay until the next call.
void fw_stream_store(struct fw_stream *stream, const uint8_t *bytes, size_t count);

/// The size of a segment in which bytes occur so often, with dynamic codes. Matches that turn out not to be worth their bits are taken out
/// of `sequences`.
uint64_t fw_segment_bits(const uint8_t *bytes, const uint32_t *byte_frequency,
                         struct fw_sequences *sequences);

/// Writes a segment, in which bytes occur so often, in the smallest form, with the stream's last block if
/// `is_last`. Matches that turn out not to be worth their bits are taken out of `sequences`.
void fw_stream_segment(struct fw_stream *stream, const uint8_t *bytes, size_t count,
                       const uint32_t *byte_frequency, struct fw_sequences *sequences, int is_last);

/// Ends the stream, or this part of it on a byte.
void fw_stream_end(struct fw_stream *stream, int is_last);

/// How often each byte occurs.
void fw_count_bytes(const uint8_t *bytes, size_t count, uint32_t *frequency);

#endif
