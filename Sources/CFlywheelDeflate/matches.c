#include "matches.h"

#include <string.h>

static inline uint32_t load32(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

/// How many bytes, up to `limit`, are the same at p and q.
static inline size_t common(const uint8_t *p, const uint8_t *q, size_t limit) {
  size_t n = 0;
  while (n + 8 <= limit && memcmp(p + n, q + n, 8) == 0) n += 8;
  while (n < limit && p[n] == q[n]) n++;
  return n;
}

void fw_find_runs(const uint8_t *bytes, size_t count, size_t element,
                  struct fw_sequences *sequences) {
  const size_t distances[2] = {1, element};
  const int kinds = element > 1 ? 2 : 1;
  sequences->count = 0;
  size_t taken = 0;
  for (size_t i = element; i + 4 <= count;) {
    size_t distance = 0;
    for (int k = 0; k < kinds && distance == 0; k++) {
      if (load32(bytes + i) == load32(bytes + i - distances[k])) distance = distances[k];
    }
    if (distance == 0) {
      i += 4;
      continue;
    }
    size_t start = i;
    while (start > taken && start > distance && bytes[start - 1] == bytes[start - 1 - distance]) start--;
    size_t length = common(bytes + start, bytes + start - distance, count - start);
    while (length >= FW_MATCH_MIN) {
      size_t n = length < FW_MATCH_MAX ? length : FW_MATCH_MAX;
      // What is left must be a match too, or nothing.
      if (length - n > 0 && length - n < FW_MATCH_MIN) n = length - FW_MATCH_MIN;
      sequences->at[sequences->count++] = (struct fw_sequence){
          (uint32_t)(start - taken), (uint16_t)n, (uint16_t)(distance - 1)};
      start += n;
      taken = start;
      length -= n;
    }
    i = start;
  }
}
