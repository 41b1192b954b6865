#include "matches.h"

#include <string.h>

static inline uint32_t load32(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static inline uint64_t load64(const uint8_t *p) {
  uint64_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/// How many bytes, up to `limit`, are the same at p and q.
static inline size_t common(const uint8_t *p, const uint8_t *q, size_t limit) {
  size_t n = 0;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  for (; n + 8 <= limit; n += 8) {
    const uint64_t difference = load64(p + n) ^ load64(q + n);
    if (difference != 0) return n + ((size_t)__builtin_ctzll(difference) >> 3);
  }
#endif
  while (n < limit && p[n] == q[n]) n++;
  return n;
}

/// Adds a match at `start`, as several if it is long.
static void add(struct fw_sequences *sequences, size_t start, size_t length, size_t distance) {
  while (length >= FW_MATCH_MIN) {
    size_t n = length < FW_MATCH_MAX ? length : FW_MATCH_MAX;
    // What is left must be a match too, or nothing.
    if (length - n > 0 && length - n < FW_MATCH_MIN) n -= FW_MATCH_MIN;
    sequences->at[sequences->count++] = (struct fw_sequence){
        (uint32_t)(start - sequences->covered), (uint16_t)n, (uint16_t)(distance - 1)};
    start += n;
    sequences->covered = start;
    length -= n;
  }
}

// MARK: Runs

typedef uint8_t vector __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

static inline vector same(const uint8_t *p, size_t distance) {
  vector a, b;
  memcpy(&a, p, sizeof a);
  memcpy(&b, p - distance, sizeof b);
  return (vector)(a == b);
}

#define RUN_STEP 64

/// Whether a run of `least` bytes may start among the RUN_STEP at p; four of its bytes are looked at.
static inline int may_start_run(const uint8_t *p, size_t distance, size_t least) {
  vector any = {0};
  for (size_t i = 0; i < RUN_STEP; i += 16) {
    any |= same(p + i, distance) & same(p + i + least / 3, distance) &
           same(p + i + 2 * least / 3, distance) & same(p + i + least - 1, distance);
  }
  const halves h = (halves)any;
  return (h[0] | h[1]) != 0;
}

/// Where the first run of `least` bytes starts from `i` on, before `end`; `end` if none does.
static inline size_t next_run(const uint8_t *bytes, size_t i, size_t end, size_t distance,
                              size_t least) {
  // A byte that breaks a run rules out all starts up to it, so the last one is looked at first.
  while (i < end) {
    size_t last = i + least - 1;
    while (last >= i && bytes[last] == bytes[last - distance]) {
      if (last == i) return i;
      last--;
    }
    i = last + 1;
  }
  return end;
}

void fw_find_runs(const uint8_t *bytes, size_t from, size_t to, size_t element, size_t least,
                  struct fw_sequences *sequences) {
  size_t i = from < element ? element : from;
  while (i + least <= to) {
    const size_t end = to - i - least + 1 < RUN_STEP ? to - least + 1 : i + RUN_STEP;
    const int is_whole = i + RUN_STEP + least <= to;
    const int may_repeat_byte = !is_whole || may_start_run(bytes + i, 1, least);
    const int may_repeat_element =
        element > 1 && (!is_whole || may_start_run(bytes + i, element, least));
    size_t start = may_repeat_byte ? next_run(bytes, i, end, 1, least) : end, distance = 1;
    if (may_repeat_element) {
      const size_t other = next_run(bytes, i, end, element, least);
      if (other < start ||
          (other == start && start < end &&
           common(bytes + start, bytes + start - element, to - start) >
               common(bytes + start, bytes + start - 1, to - start))) {
        start = other;
        distance = element;
      }
    }
    i = start;
    if (start == end) continue;
    const size_t length = common(bytes + start, bytes + start - distance, to - start);
    add(sequences, start, length, distance);
    i += length;
  }
}

// MARK: Matches anywhere

// Knuth's multiplicative hash: 2³² divided by the golden ratio.
#define HASH_FACTOR 0x9e3779b1u

static inline uint32_t hash4(const uint8_t *p) {
  return load32(p) * HASH_FACTOR >> (32 - FW_HASH_BITS);
}

static inline uint32_t hash3(const uint8_t *p) {
  return (((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16) * HASH_FACTOR) >>
         (32 - FW_HASH3_BITS);
}

// A match of three bytes from further away costs more bits than three bytes do (zlib has the same limit).
#define SHORT_DISTANCE_MAX 4096

// Long enough to look no further.
#define GOOD_LENGTH 128

struct match {
  size_t length, distance;
};

void fw_finder_start(struct fw_finder *finder, const uint8_t *base) {
  finder->base = base;
  memset(finder->newest, 0, sizeof finder->newest);
  memset(finder->newest3, 0, sizeof finder->newest3);
}

// What one more byte in a match saves, in bits, against the bits of a larger distance.
#define BYTE_VALUE 6

static inline int is_better(struct match a, struct match b) {
  if (a.length <= b.length || b.distance == 0) return a.length > b.length;
  const int more_bits = __builtin_clz((uint32_t)b.distance) - __builtin_clz((uint32_t)a.distance);
  return BYTE_VALUE * (int)(a.length - b.length) > more_bits;
}

/// Looks for the best match longer than `beat` at p, and notes p. At least four bytes can be read.
static struct match look(struct fw_finder *finder, const uint8_t *p, const uint8_t *end, size_t beat,
                         int depth) {
  const uint32_t position = (uint32_t)(p - finder->base) + FW_DISTANCE_MAX;
  const uint32_t hash = hash4(p), short_hash = hash3(p);
  const uint32_t short_candidate = finder->newest3[short_hash];
  uint32_t candidate = finder->newest[hash];
  finder->newest3[short_hash] = position;
  finder->newest[hash] = position;
  finder->older[position % FW_DISTANCE_MAX] = candidate;

  struct match best = {beat, 0};
  size_t limit = (size_t)(end - p);
  if (limit > FW_MATCH_MAX) limit = FW_MATCH_MAX;
  if (beat >= limit) return best;
  if (beat < FW_MATCH_MIN && position - short_candidate < SHORT_DISTANCE_MAX) {
    const size_t distance = position - short_candidate;
    const size_t length = common(p, p - distance, limit);
    if (length >= FW_MATCH_MIN) best = (struct match){length, distance};
  }
  for (; depth > 0 && position - candidate < FW_DISTANCE_MAX; depth--) {
    const uint8_t *q = p - (position - candidate);
    // The byte that would make the match longer, and the first ones, tell most candidates apart.
    if (q[best.length] == p[best.length] && load32(q) == load32(p)) {
      const size_t length = 4 + common(p + 4, q + 4, limit - 4);
      const struct match match = {length, position - candidate};
      if (is_better(match, best)) best = match;
      if (length == limit) break;
    }
    candidate = finder->older[candidate % FW_DISTANCE_MAX];
  }
  return best;
}

static inline void note(struct fw_finder *finder, const uint8_t *p) {
  const uint32_t position = (uint32_t)(p - finder->base) + FW_DISTANCE_MAX;
  const uint32_t hash = hash4(p);
  finder->newest3[hash3(p)] = position;
  finder->older[position % FW_DISTANCE_MAX] = finder->newest[hash];
  finder->newest[hash] = position;
}

void fw_find_matches(struct fw_finder *finder, const uint8_t *bytes, size_t from, size_t to, int depth,
                     struct fw_sequences *sequences) {
  const uint8_t *const end = bytes + to;
  size_t i = from > sequences->covered ? from : sequences->covered;
  while (i + 4 <= to) {
    struct match match = look(finder, bytes + i, end, FW_MATCH_MIN - 1, depth);
    size_t noted = i;
    if (match.distance == 0) {
      i++;
      continue;
    }
    // A longer match may start at the next byte.
    while (match.length < GOOD_LENGTH && noted + 1 + 4 <= to) {
      noted++;
      const struct match next =
          look(finder, bytes + noted, end, match.length, match.length < 8 ? depth : depth / 4);
      if (next.distance == 0) break;
      match = next;
      i = noted;
    }
    add(sequences, i, match.length, match.distance);
    i += match.length;
    for (size_t k = noted + 1; k < i && k + 4 <= to; k++) note(finder, bytes + k);
  }
}
