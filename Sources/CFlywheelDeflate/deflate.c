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

/// Matches are looked for if they save one part in so many.
#define WORTHWHILE 150

/// The most bytes of a segment that is nothing but runs, pieces of at least 512 bytes that need no more
/// than four matches each: fewer than FW_SEGMENT_MAX / FW_MATCH_MIN.
#define RUNS_MAX ((size_t)1 << 22)

/// Of so many pieces of noise, one is searched for repeats.
#define NOISE_CHECK 8

// Bytes are stored if two of a sample are equal hardly more often than once in 256 times, by this
// factor.
// For nearly uniform bytes, codes would save (factor - 1) / (2 ln 2) bits a byte: 0.06 bits here.
#define NOISE_LIMIT 1.08

// The upper bytes of a mantissa come close to noise. In floats so much is saved on the exponents that a
// tenth of a bit may be given away, for nearly twice the speed. Exponents are never all alike.
#define FLOAT_NOISE_LIMIT 1.15
#define EXPONENTS 0.9

// How many earlier places are looked at for a match: for shuffled bytes as many as it takes to be
// smaller than zlib's level 4, for others than level 6.
#define SHUFFLED_DEPTH 8
#define PLAIN_DEPTH 128

struct settings {
  /// At which distance bytes are alike, besides the byte before.
  size_t element;
  /// How many earlier places are looked at for a match.
  int depth;
  /// How long a run is at least, 0 if that is to follow from how often bytes are equal.
  size_t least_run;
  double noise_limit;
};

// What a compression needs besides its output.
struct workspace {
  struct settings settings;
  struct fw_stream stream;
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
    if (has_only_runs && next >= 2 * FW_MATCH_MAX && is_uniform(rest.bytes, next)) {
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
  fw_find_runs(bytes, 0, trial, w->settings.element, least_run, sequences);
  uint32_t frequency[256];
  fw_count_bytes(bytes, trial, frequency);
  const uint64_t bits = fw_segment_bits(bytes, frequency, sequences);
  if (w->finder_base == NULL || bytes - w->finder_base > FW_FINDER_MAX) {
    w->finder_base = bytes;
    fw_finder_start(&w->finder, bytes);
  }
  w->finder.least = least_run == FW_MATCH_MIN ? FW_MATCH_MIN : FW_MATCH_MIN + 1;
  clear(sequences);
  fw_find_matches(&w->finder, bytes, 0, trial, w->settings.depth, sequences);
  const uint64_t matched_bits = fw_segment_bits(bytes, frequency, sequences);
  if (matched_bits * WORTHWHILE >= bits * (WORTHWHILE - 1)) return 0;
  fw_find_matches(&w->finder, bytes, trial, count, w->settings.depth, sequences);
  return 1;
}

/// Compresses planes of so many bytes, one after the other, the last of which ends the stream if `is_last`.
static void deflate_planes(struct workspace *w, const uint8_t *bytes, size_t count, size_t plane,
                           int is_last) {
  struct rest rest = {bytes, count, plane};
  size_t noise_pieces = 0;
  int noise_repeats = 0, is_known_not_to_repeat = 0;
  w->finder_base = NULL;
  while (rest.count > 0) {
    size_t length = piece_length(&rest);
    const double collision = fw_collision(rest.bytes, length);
    if (256 * collision < w->settings.noise_limit) {
      if (noise_pieces++ % NOISE_CHECK == 0) {
        const size_t region = rest.count < 2 * PIECE ? rest.count : 2 * PIECE;
        noise_repeats = fw_has_repeats(rest.bytes, region, w->settings.element, collision, NULL);
      }
      if (!noise_repeats && !fw_has_runs(rest.bytes, length)) {
        fw_stream_store(&w->stream, rest.bytes, length);
        advance(&rest, length);
        continue;
      }
    }

    uint32_t frequency[256];
    length = segment_length(rest, frequency);
    const size_t least_run =
        w->settings.least_run > 0 ? w->settings.least_run : fw_least_run(collision);
    // What holds for a whole segment is believed of the next one too.
    const int may_repeat =
        !is_known_not_to_repeat &&
        fw_has_repeats(rest.bytes, length, w->settings.element, collision, frequency);
    is_known_not_to_repeat = !may_repeat && !is_known_not_to_repeat && length == FW_SEGMENT_MAX;
    if (!may_repeat || !find_matches(w, rest.bytes, length, least_run)) {
      clear(&w->sequences);
      fw_find_runs(rest.bytes, 0, length, w->settings.element, least_run, &w->sequences);
    }
    fw_stream_segment(&w->stream, rest.bytes, length, frequency, &w->sequences,
                      is_last && length == rest.count);
    advance(&rest, length);
  }
}

static struct workspace *start(struct settings settings, uint8_t *out) {
  struct workspace *w = malloc(sizeof *w);
  if (w == NULL) return NULL;
  w->settings = settings;
  w->stream = (struct fw_stream){.bits = {out, 0, 0}};
  return w;
}

/// Ends the stream; returns where.
static uint8_t *finish(struct workspace *w, int is_last) {
  fw_stream_end(&w->stream, is_last);
  uint8_t *end = w->stream.bits.next;
  free(w);
  return end;
}

// A stored block's header is five bytes for at most 65,535. A segment with codes saves more than it
// costs to split the stored bytes around it. Then the end, and what a flush may touch.
size_t fw_deflate_bound(size_t count) { return count + 5 * (count / 65535 + 2) + 8; }

size_t fw_deflate(const uint8_t *bytes, size_t count, size_t element, int is_last, uint8_t *out) {
  const struct settings settings = {
      // Runs cannot reach further back.
      .element = element <= FW_DISTANCE_MAX ? element : 1,
      .depth = PLAIN_DEPTH,
      .least_run = FW_MATCH_MIN,
      .noise_limit = NOISE_LIMIT,
  };
  struct workspace *w = start(settings, out);
  if (w == NULL) return 0;
  deflate_planes(w, bytes, count, count, is_last);
  return (size_t)(finish(w, is_last) - out);
}

size_t fw_deflate_stored(const uint8_t *bytes, size_t count, int is_last, uint8_t *out) {
  struct fw_stream stream = {.bits = {out, 0, 0}};
  fw_stream_store(&stream, bytes, count);
  fw_stream_end(&stream, is_last);
  return (size_t)(stream.bits.next - out);
}

// MARK: Chunks of HDF5

// The shuffled bytes lie at the end of the room for the output, which is written from the front. A
// segment becomes no larger than it is, but may be ahead of that by as much while it is written, and
// what came before it is needed as far as matches reach.
#define SHUFFLED_LEAD (FW_SEGMENT_MAX + FW_DISTANCE_MAX)
#define ZLIB_HEADER 2
#define ZLIB_TRAILER 4

/// Fewer bytes have no codes of their own, whatever plane they are of.
#define PLANE_MIN 64

size_t fw_deflate_shuffled_zlib_bound(size_t count) {
  return fw_deflate_bound(count) + ZLIB_HEADER + ZLIB_TRAILER + SHUFFLED_LEAD;
}

static void deflate_shuffled(struct workspace *w, const uint8_t *shuffled, size_t count,
                             size_t element) {
  const size_t elements = count / element, rest = count % element;
  if (elements < PLANE_MIN) {
    deflate_planes(w, shuffled, count, count, 1);
    return;
  }
  const uint8_t *const last_plane = shuffled + (element - 1) * elements;
  if (element <= sizeof(float) && fw_collision(last_plane, elements) < EXPONENTS) {
    w->settings.noise_limit = FLOAT_NOISE_LIMIT;
  }
  deflate_planes(w, shuffled, count - rest, elements, rest == 0);
  if (rest > 0) deflate_planes(w, shuffled + count - rest, rest, rest, 1);
}

size_t fw_deflate_shuffled_zlib(enum fw_deflate_cpu cpu, const uint8_t *bytes, size_t count,
                                size_t element, int is_stored, uint8_t *out) {
  const struct settings settings = {
      .element = 1, .depth = SHUFFLED_DEPTH, .least_run = 0, .noise_limit = NOISE_LIMIT};
  struct workspace *w = start(settings, out + ZLIB_HEADER);
  if (w == NULL) return 0;
  uint8_t *shuffled = out + (fw_deflate_shuffled_zlib_bound(count) - count);
  fw_shuffle(bytes, count, element, shuffled);
  const uint32_t adler = fw_adler32(cpu, 1, shuffled, count);

  // RFC 1950, section 2.2: deflate with a window of 32 KiB, compressed by the fastest algorithm.
  out[0] = 0x78;
  out[1] = 0x01;
  if (is_stored) fw_stream_store(&w->stream, shuffled, count);
  else deflate_shuffled(w, shuffled, count, element);
  uint8_t *end = finish(w, 1);
  for (int i = 0; i < ZLIB_TRAILER; i++) *end++ = (uint8_t)(adler >> (24 - 8 * i));
  return (size_t)(end - out);
}
