#include <stdlib.h>
#include <string.h>

#include "CFlywheelDeflate.h"
#include "analysis.h"
#include "blocks.h"
#include "matches.h"

enum fw_deflate_cpu fw_deflate_best_cpu(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return FW_DEFLATE_AVX2;
#endif
  return FW_DEFLATE_BASE;
}

/// A segment is made of pieces that are alike.
#define PIECE ((size_t)1 << 15)

/// How much of a segment is tried with matches, before all of it is.
#define TRIAL ((size_t)1 << 13)

/// The most bytes of a segment that is nothing but runs; their sequences are fewer than a segment may have.
#define RUNS_MAX ((size_t)1 << 22)

// How many earlier places are looked at for a match: for shuffled bytes as many as it takes to be smaller
// than zlib's level 4, else level 6.
#define SHUFFLED_DEPTH 8
#define PLAIN_DEPTH 128

// What a compression needs besides its output.
struct workspace {
  struct fw_stream stream;
  size_t element;
  int depth, is_last;
  size_t least_run;
  const uint8_t *finder_base;
  struct fw_finder finder;
  struct fw_sequences sequences;
};

/// What is left of some planes, of which pieces are made without crossing from one into the next.
struct rest {
  const uint8_t *bytes;
  size_t count, plane;
};

static size_t piece_length(const struct rest *rest) {
  const size_t left = rest->count % rest->plane > 0 ? rest->count % rest->plane : rest->plane;
  // A small remainder belongs to the piece before it.
  return left < PIECE + PIECE / 4 ? left : PIECE;
}

static void advance(struct rest *rest, size_t length) {
  rest->bytes += length;
  rest->count -= length;
}

static int is_uniform(const uint8_t *bytes, size_t count) {
  return memcmp(bytes, bytes + 1, count - 1) == 0;
}

/// How many bytes make the next segment, and how often each byte occurs there.
static size_t segment_length(struct rest rest, uint32_t *frequency) {
  size_t length = piece_length(&rest);
  uint32_t next_frequency[256];
  fw_count_bytes(rest.bytes, length, frequency);
  // Runs need few bits and few sequences, so a segment of nothing else may be of any length.
  const int has_only_runs = frequency[rest.bytes[0]] == length;
  for (advance(&rest, length); rest.count > 0;) {
    const size_t next = piece_length(&rest);
    if (has_only_runs && is_uniform(rest.bytes, next)) {
      if (length + next > RUNS_MAX) break;
      frequency[rest.bytes[0]] += (uint32_t)next;
    } else {
      if (length + next > FW_SEGMENT_MAX) break;
      fw_count_bytes(rest.bytes, next, next_frequency);
      if (fw_are_unlike(frequency, length, next_frequency, next)) break;
      for (int b = 0; b < 256; b++) frequency[b] += next_frequency[b];
    }
    length += next;
    advance(&rest, next);
  }
  return length;
}

static void clear(struct fw_sequences *sequences) {
  sequences->count = 0;
  sequences->covered = 0;
}

/// Finds matches anywhere if that is worth its time.
static int find_matches(struct workspace *w, const uint8_t *bytes, size_t count, size_t least_run) {
  struct fw_sequences *sequences = &w->sequences;
  const size_t trial = count < TRIAL ? count : TRIAL;
  clear(sequences);
  fw_find_runs(bytes, 0, trial, w->element, least_run, sequences);
  uint32_t frequency[256];
  fw_count_bytes(bytes, trial, frequency);
  const uint64_t bits = fw_segment_bits(bytes, frequency, sequences);
  if (w->finder_base == NULL || bytes - w->finder_base > FW_FINDER_MAX) {
    w->finder_base = bytes;
    fw_finder_start(&w->finder, bytes);
  }
  clear(sequences);
  fw_find_matches(&w->finder, bytes, 0, trial, w->depth, sequences);
  if (fw_segment_bits(bytes, frequency, sequences) * 1000 >= bits * 993) return 0;
  fw_find_matches(&w->finder, bytes, trial, count, w->depth, sequences);
  return 1;
}

static void deflate_bytes(struct workspace *w, const uint8_t *bytes, size_t count, size_t plane) {
  struct rest rest = {bytes, count, plane};
  int noise_repeats = 0;
  w->finder_base = NULL;
  for (size_t noise = 0; rest.count > 0;) {
    size_t length = piece_length(&rest);
    const double collision = fw_collision(rest.bytes, length);
    clear(&w->sequences);
    if (fw_is_noise(collision)) {
      fw_find_runs(rest.bytes, 0, length, w->element, 16, &w->sequences);
      if (noise++ % 8 == 0) {
        const size_t region = rest.count < 2 * PIECE ? rest.count : 2 * PIECE;
        noise_repeats = fw_has_repeats(rest.bytes, region, w->element, collision, NULL);
      }
      if (w->sequences.count == 0 && !noise_repeats) {
        fw_stream_store(&w->stream, rest.bytes, length);
        advance(&rest, length);
        continue;
      }
    }
    uint32_t frequency[256];
    length = segment_length(rest, frequency);
    const size_t least_run = w->least_run > 0 ? w->least_run : fw_least_run(collision);
    if (!fw_has_repeats(rest.bytes, length, w->element, collision, frequency) ||
        !find_matches(w, rest.bytes, length, least_run)) {
      clear(&w->sequences);
      fw_find_runs(rest.bytes, 0, length, w->element, least_run, &w->sequences);
    }
    fw_stream_segment(&w->stream, rest.bytes, length, frequency, &w->sequences,
                      w->is_last && length == rest.count);
    advance(&rest, length);
  }
}

// A stored block's header is five bytes for at most 65,535. A segment with codes saves more than it
// costs to split the stored bytes around it. Then the end, and what a flush may touch.
size_t fw_deflate_bound(size_t count) {
  const size_t headers = 5 * (count / 65535 + 2) + 8;
  return count < SIZE_MAX - headers ? count + headers : SIZE_MAX;
}

static struct workspace *start(uint8_t *out, const uint8_t *bytes, size_t element, int depth,
                               size_t least_run, int is_last) {
  struct workspace *w = malloc(sizeof *w);
  if (w == NULL) return NULL;
  w->stream = (struct fw_stream){{out, 0, 0}, bytes, 0, 0};
  w->element = element;
  w->depth = depth;
  w->is_last = is_last;
  w->least_run = least_run;
  w->finder_base = NULL;
  return w;
}

static uint8_t *finish(struct workspace *w) {
  fw_stream_end(&w->stream, w->is_last);
  uint8_t *end = w->stream.bits.next;
  free(w);
  return end;
}

size_t fw_deflate(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count, size_t element,
                  int is_last, uint8_t *out) {
  (void)cpu;
  struct workspace *w = start(out, bytes, element, PLAIN_DEPTH, FW_MATCH_MIN, is_last);
  if (w == NULL) return 0;
  deflate_bytes(w, bytes, count, count);
  return (size_t)(finish(w) - out);
}

size_t fw_deflate_stored(const uint8_t *bytes, size_t count, int is_last, uint8_t *out) {
  struct fw_stream stream = {{out, 0, 0}, bytes, count, 0};
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
  uint8_t *shuffled = out + (fw_deflate_shuffled_zlib_bound(count) - count);
  struct workspace *w = start(out + ZLIB_HEADER, shuffled, 1, SHUFFLED_DEPTH, 0, count % element == 0);
  if (w == NULL) return 0;
  fw_shuffle(bytes, count, element, shuffled);
  const uint32_t adler = fw_adler32(cpu, 1, shuffled, count);

  // RFC 1950, section 2.2: deflate with a window of 32 KiB, compressed by the fastest algorithm.
  out[0] = 0x78;
  out[1] = 0x01;
  if (is_stored) {
    w->is_last = 1;
    fw_stream_store(&w->stream, shuffled, count);
  } else {
    const size_t elements = count / element, rest = count % element;
    if (elements > 0) deflate_bytes(w, shuffled, count - rest, elements);
    w->is_last = 1;
    deflate_bytes(w, shuffled + count - rest, rest, rest);
  }
  uint8_t *end = finish(w);
  for (int i = 0; i < ZLIB_TRAILER; i++) *end++ = (uint8_t)(adler >> (24 - 8 * i));
  return (size_t)(end - out);
}
