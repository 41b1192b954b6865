// Writes bits, first bit lowest, as deflate packs them (RFC 1951, section 3.1.1).

#ifndef FW_BITS_H
#define FW_BITS_H

#include <stdint.h>
#include <string.h>

/// Up to eight bytes behind `next` may be overwritten before they are valid.
struct fw_bits {
  uint8_t *next;
  uint64_t held;
  int count;
};

/// Adds bits to those that are held; flush before more than 64 are.
static inline void fw_bits_add(struct fw_bits *bits, uint64_t value, int count) {
  bits->held |= value << bits->count;
  bits->count += count;
}

/// Writes whole bytes; at most seven bits stay, so 57 may follow.
static inline void fw_bits_flush(struct fw_bits *bits) {
  uint8_t *next = bits->next;
  const uint64_t held = bits->held;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  memcpy(next, &held, 8);
#else
  for (int i = 0; i < 8; i++) next[i] = (uint8_t)(held >> 8 * i);
#endif
  bits->next = next + (bits->count >> 3);
  bits->held = held >> (bits->count & 56);
  bits->count &= 7;
}

/// Writes what is held, and zeros up to the next whole byte.
static inline void fw_bits_align(struct fw_bits *bits) {
  fw_bits_flush(bits);
  if (bits->count > 0) bits->next++;
  bits->held = 0;
  bits->count = 0;
}

#endif
