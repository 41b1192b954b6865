#include "analysis.h"

#include <string.h>

#include "blocks.h"

// The sample of fw_collision: short stretches from all over, so that no part is missed.
#define STRETCH 128
#define STRETCHES 16

double fw_collision(const uint8_t *bytes, size_t count) {
  uint32_t frequency[256];
  size_t sampled = count;
  if (count <= STRETCH * STRETCHES) {
    fw_count_bytes(bytes, count, frequency);
  } else {
    uint8_t sample[STRETCH * STRETCHES];
    const size_t step = (count - STRETCH) / (STRETCHES - 1);
    for (size_t i = 0; i < STRETCHES; i++) memcpy(sample + i * STRETCH, bytes + i * step, STRETCH);
    fw_count_bytes(sample, sizeof sample, frequency);
    sampled = sizeof sample;
  }
  if (sampled < 2) return 1;
  uint64_t pairs = 0;
  for (int b = 0; b < 256; b++) pairs += (uint64_t)frequency[b] * (frequency[b] - (frequency[b] > 0));
  return (double)pairs / ((double)sampled * (double)(sampled - 1));
}

// For nearly uniform bytes, codes save (256·collision - 1) / (2 ln 2) bits a byte: 0.06 bits here.
int fw_is_noise(double collision) { return collision < 1.08 / 256; }

// Twice the description of dynamic codes and what else a block costs, in bits.
#define SPLIT_COST 1600

int fw_are_unlike(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count) {
  // The codes save X / (2 ln 2) bits, where X is the chi-square statistic of the two samples. By chance
  // it is as large as the number of symbols.
  double sum = 0;
  for (int s = 0; s < 256; s++) {
    const int64_t difference = (int64_t)(a[s] * (uint64_t)b_count) - (int64_t)(b[s] * (uint64_t)a_count);
    const double total = a[s] + b[s] > 0 ? (double)(a[s] + b[s]) : 1;
    sum += (double)difference * (double)difference / total;
  }
  const double statistic = sum / ((double)a_count * (double)b_count);
  return statistic > 256 + 1.4 * SPLIT_COST;
}

// What a match costs about, in bits, when its distance is always the same.
#define RUN_RARITY (1 / 512.0)
#define LEAST_RUN_MAX 8

size_t fw_least_run(double collision) {
  size_t least = 1;
  for (double chance = 1; chance > RUN_RARITY && least < LEAST_RUN_MAX; least++) chance *= collision;
  return least < FW_MATCH_MIN ? FW_MATCH_MIN : least;
}

#define REGION 4096
#define WINDOW_MIN 4
#define WINDOW_MAX 16
// Above this probability of a collision, most bytes of an element are always the same.
#define FEW_BYTES (1 / 16.0)
#define TABLE_BITS 11
#define MARKED_BITS 10

/// Whether more than this share of the windows of so many bytes occurred before, runs aside.
static int windows_repeat(const uint8_t *bytes, size_t count, size_t window, double share) {
  uint16_t seen[1 << TABLE_BITS];
  memset(seen, 0, sizeof seen);
  uint32_t windows = 0, repeats = 0;
  for (size_t i = 0; i + window <= count; i++) {
    const uint8_t *p = bytes + i;
    // Runs are found anyway, and windows at their ends repeat because of them.
    if (p[0] == p[1] || p[window - 1] == p[window - 2]) continue;
    uint32_t head, tail;
    memcpy(&head, p, sizeof head);
    memcpy(&tail, p + window - sizeof tail, sizeof tail);
    const uint32_t hash = (head * 0x9e3779b1u ^ tail * 0x85ebca6bu) >> (32 - TABLE_BITS);
    const size_t earlier = seen[hash];
    seen[hash] = (uint16_t)(i + 1);
    windows++;
    if (earlier == 0) continue;
    const uint8_t *q = bytes + earlier - 1;
    uint32_t other_head;
    memcpy(&other_head, q, sizeof other_head);
    repeats += other_head == head && memcmp(q, p, window) == 0;
  }
  return repeats > windows * share;
}

#define MARKED_WINDOW 12
#define MARKED_MIN 16
#define MARKED_MAX 1024

/// Whether windows occur again, of which only those are looked at that start after a certain byte: few,
/// but all over, so that repeats far apart show too.
static int marked_windows_repeat(const uint8_t *bytes, size_t count, uint8_t marker) {
  const uint8_t *const end = bytes + count;
  const uint8_t *seen[1 << MARKED_BITS] = {NULL};
  uint32_t windows = 0, repeats = 0;
  for (const uint8_t *p = bytes; windows < MARKED_MAX; p++) {
    p = memchr(p, marker, (size_t)(end - p));
    if (p == NULL || end - p < MARKED_WINDOW) break;
    if (p[0] == p[1] || memcmp(p + 1, p + 2, MARKED_WINDOW - 2) == 0) continue;
    uint32_t middle, tail;
    memcpy(&middle, p + 4, sizeof middle);
    memcpy(&tail, p + 8, sizeof tail);
    const uint32_t hash = (middle * 0x9e3779b1u ^ tail * 0x85ebca6bu) >> (32 - MARKED_BITS);
    windows++;
    repeats += seen[hash] != NULL && memcmp(seen[hash], p, MARKED_WINDOW) == 0;
    seen[hash] = p;
  }
  return windows >= MARKED_MIN && repeats * 16 > windows;
}

/// A byte that occurs about as often as in noise.
static uint8_t choose_marker(const uint32_t *frequency, size_t count) {
  int marker = 0;
  for (int b = 1; b < 256; b++) {
    const uint32_t wanted = (uint32_t)(count / 256), now = frequency[marker], other = frequency[b];
    const uint32_t now_off = now > wanted ? now - wanted : wanted - now;
    const uint32_t other_off = other > wanted ? other - wanted : wanted - other;
    if (other_off < now_off) marker = b;
  }
  return (uint8_t)marker;
}

int fw_has_repeats(const uint8_t *bytes, size_t count, size_t element, double collision,
                   const uint32_t *frequency) {
  const uint8_t marker = frequency != NULL ? choose_marker(frequency, count) : bytes[0];
  if (marked_windows_repeat(bytes, count, marker)) return 1;
  const size_t region = count < REGION ? count : REGION;
  if (element > 1) {
    // The bytes of an element are not like each other, so nothing follows from their frequencies. Elements
    // that occur again show in short windows; those of which few bytes differ, in one that holds two.
    return windows_repeat(bytes, region, WINDOW_MIN, 0.01) ||
           (collision > FEW_BYTES && element + 2 <= WINDOW_MAX && windows_repeat(bytes, region, element + 2, 0.05));
  }
  // Windows so long that by chance they hardly ever occur twice in the region.
  size_t window = 0;
  double chance = (double)region / 2;
  while (window < WINDOW_MIN || (window < WINDOW_MAX && chance > 0.01)) {
    chance *= collision;
    window++;
  }
  return windows_repeat(bytes, region, window, chance + 0.0008);
}
