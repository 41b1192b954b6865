#include "huffman.h"

#include <string.h>

// A symbol and its frequency in one number that sorts by frequency, and by symbol where two are equal.
// The frequencies of one block stay far below 2²³.
#define PACK(frequency, symbol) ((uint32_t)(frequency) << 9 | (uint32_t)(symbol))
#define FREQUENCY(packed) ((packed) >> 9)
#define SYMBOL(packed) ((packed) & 511)

/// Sorts by frequency, eight bits a round, least significant first.
static void sort(uint32_t *packed, size_t count) {
  uint32_t other[FW_SYMBOLS_MAX], highest = 0;
  for (size_t i = 0; i < count; i++) highest |= packed[i];
  for (int shift = 9; shift < 32 && highest >> shift; shift += 8) {
    uint32_t start[257] = {0};
    for (size_t i = 0; i < count; i++) start[(packed[i] >> shift & 255) + 1]++;
    for (int digit = 1; digit < 256; digit++) start[digit] += start[digit - 1];
    for (size_t i = 0; i < count; i++) other[start[packed[i] >> shift & 255]++] = packed[i];
    memcpy(packed, other, count * sizeof *packed);
  }
}

void fw_code_lengths(const uint32_t *frequency, size_t symbols, int limit, uint8_t *length) {
  uint32_t leaves[FW_SYMBOLS_MAX];
  size_t count = 0;
  for (size_t s = 0; s < symbols; s++) {
    length[s] = 0;
    if (frequency[s] > 0) leaves[count++] = PACK(frequency[s], s);
  }
  if (count < 2) {
    const size_t only = count == 1 ? SYMBOL(leaves[0]) : 0;
    length[only] = 1;
    length[only == 0 ? 1 : 0] = 1;
    return;
  }
  sort(leaves, count);

  // Huffman's algorithm with two queues: the leaves in order, and the inner nodes, which arise in order.
  uint32_t weight[FW_SYMBOLS_MAX];
  uint16_t leaf_parent[FW_SYMBOLS_MAX], node_parent[FW_SYMBOLS_MAX];
  size_t leaf = 0, node = 0;
  for (size_t made = 0; made < count - 1; made++) {
    weight[made] = 0;
    for (int child = 0; child < 2; child++) {
      const int takes_leaf =
          leaf < count && (node >= made || FREQUENCY(leaves[leaf]) <= weight[node]);
      if (takes_leaf) {
        weight[made] += FREQUENCY(leaves[leaf]);
        leaf_parent[leaf++] = (uint16_t)made;
      } else {
        weight[made] += weight[node];
        node_parent[node++] = (uint16_t)made;
      }
    }
  }

  // How many leaves lie how deep; those deeper than the limit are put at the limit.
  uint16_t depth[FW_SYMBOLS_MAX];
  uint32_t leaves_at[16] = {0};
  depth[count - 2] = 0;
  for (size_t n = count - 2; n-- > 0;) depth[n] = (uint16_t)(depth[node_parent[n]] + 1);
  for (size_t i = 0; i < count; i++) {
    const int d = depth[leaf_parent[i]] + 1;
    leaves_at[d < limit ? d : limit]++;
  }

  // That may be more than a code has room for (Kraft's sum). Then a leaf from above the limit becomes a
  // node with two leaves, itself and one from the limit, as often as needed.
  uint32_t used = 0;
  for (int d = 1; d <= limit; d++) used += leaves_at[d] << (limit - d);
  for (; used > (uint32_t)1 << limit; used--) {
    int d = limit - 1;
    while (leaves_at[d] == 0) d--;
    leaves_at[d]--;
    leaves_at[d + 1] += 2;
    leaves_at[limit]--;
  }

  // The rarest symbols get the longest codes.
  size_t next = 0;
  for (int d = limit; d >= 1; d--) {
    for (uint32_t i = 0; i < leaves_at[d]; i++) length[SYMBOL(leaves[next++])] = (uint8_t)d;
  }
}

void fw_code_assign(struct fw_code *code, size_t symbols) {
  uint16_t count[16] = {0}, next[16] = {0};
  for (size_t s = 0; s < symbols; s++) count[code->length[s]]++;
  count[0] = 0;
  for (int bits = 1; bits < 16; bits++) next[bits] = (uint16_t)((next[bits - 1] + count[bits - 1]) << 1);
  for (size_t s = 0; s < symbols; s++) {
    const int length = code->length[s];
    uint16_t value = length > 0 ? next[length]++ : 0, reversed = 0;
    for (int i = 0; i < length; i++, value >>= 1) reversed = (uint16_t)(reversed << 1 | (value & 1));
    code->bits[s] = reversed;
  }
}
