#include <stdlib.h>

#include "CFlywheelDeflate.h"
#include "blocks.h"
#include "matches.h"

enum fw_deflate_cpu fw_deflate_best_cpu(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return FW_DEFLATE_AVX2;
#endif
  return FW_DEFLATE_BASE;
}

/// Whether bytes are noise, judged by a sample.
static int is_noise(const uint8_t *bytes, size_t count) {
  (void)bytes;
  (void)count;
  return 0;
}

static void deflate_plane(struct fw_stream *stream, const uint8_t *bytes, size_t count, size_t element,
                          struct fw_sequences *sequences) {
  while (count > 0) {
    const size_t n = count < FW_SEGMENT_MAX ? count : FW_SEGMENT_MAX;
    if (is_noise(bytes, n)) {
      fw_stream_store(stream, bytes, n);
    } else {
      fw_find_runs(bytes, n, element, sequences);
      fw_stream_segment(stream, bytes, n, sequences);
    }
    bytes += n;
    count -= n;
  }
}

// A stored block's header is five bytes for at most 65,535. A segment with codes saves more than it
// costs to split the stored bytes around it. Then the end, and what a flush may touch.
size_t fw_deflate_bound(size_t count) {
  const size_t headers = 5 * (count / 65535 + 2) + 8;
  return count < SIZE_MAX - headers ? count + headers : SIZE_MAX;
}

size_t fw_deflate(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count, size_t element,
                  int is_last, uint8_t *out) {
  (void)cpu;
  struct fw_sequences *sequences = malloc(sizeof *sequences);
  if (sequences == NULL) return 0;
  struct fw_stream stream = {{out, 0, 0}, bytes, 0};
  deflate_plane(&stream, bytes, count, element, sequences);
  fw_stream_end(&stream, is_last);
  free(sequences);
  return (size_t)(stream.bits.next - out);
}

size_t fw_deflate_stored(const uint8_t *bytes, size_t count, int is_last, uint8_t *out) {
  struct fw_stream stream = {{out, 0, 0}, bytes, count};
  fw_stream_end(&stream, is_last);
  return (size_t)(stream.bits.next - out);
}

// The shuffled bytes lie at the end of the room for the output, which is written from the front. A
// segment with codes is smaller than the segment, but may be ahead of it by as much in between.
#define SHUFFLED_LEAD (FW_SEGMENT_MAX + FW_DISTANCE_MAX)
#define ZLIB_HEADER 2
#define ZLIB_TRAILER 4

size_t fw_deflate_shuffled_zlib_bound(size_t count) {
  const size_t bound = fw_deflate_bound(count), more = ZLIB_HEADER + ZLIB_TRAILER + SHUFFLED_LEAD;
  return bound < SIZE_MAX - more ? bound + more : SIZE_MAX;
}

size_t fw_deflate_shuffled_zlib(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count,
                                size_t element, int is_stored, uint8_t *out) {
  struct fw_sequences *sequences = malloc(sizeof *sequences);
  if (sequences == NULL) return 0;
  const uint8_t *shuffled = out + fw_deflate_shuffled_zlib_bound(count) - count;
  fw_shuffle(bytes, count, element, (uint8_t *)shuffled);
  const uint32_t adler = fw_adler32(cpu, 1, shuffled, count);

  // RFC 1950, section 2.2: deflate with a window of 32 KiB, compressed by the fastest algorithm.
  out[0] = 0x78;
  out[1] = 0x01;
  struct fw_stream stream = {{out + ZLIB_HEADER, 0, 0}, shuffled, 0};
  if (is_stored) {
    fw_stream_store(&stream, shuffled, count);
  } else {
    const size_t elements = count / element;
    for (size_t plane = 0; elements > 0 && plane < element; plane++) {
      deflate_plane(&stream, shuffled + plane * elements, elements, 1, sequences);
    }
    deflate_plane(&stream, shuffled + element * elements, count % element, 1, sequences);
  }
  fw_stream_end(&stream, 1);
  uint8_t *end = stream.bits.next;
  for (int i = 0; i < ZLIB_TRAILER; i++) *end++ = (uint8_t)(adler >> (24 - 8 * i));
  free(sequences);
  return (size_t)(end - out);
}
