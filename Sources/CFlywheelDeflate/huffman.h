// Prefix codes as deflate uses them (RFC 1951, section 3.2.2).

#ifndef FW_HUFFMAN_H
#define FW_HUFFMAN_H

#include <stddef.h>
#include <stdint.h>

/// The most symbols that any of deflate's codes has.
#define FW_SYMBOLS_MAX 288

/// A code, ready to be written: the bits of symbol i, first bit lowest, and their number.
struct fw_code {
  uint16_t bits[FW_SYMBOLS_MAX];
  uint8_t length[FW_SYMBOLS_MAX];
};

/// Lengths of the best code for these frequencies, none longer than `limit` bits (at most 15; 1 << limit
/// is at least the number of symbols). Symbols that do not occur get 0. If fewer than two occur, two
/// get codes all the same, so that every reader takes the code as complete.
void fw_code_lengths(const uint32_t *frequency, size_t symbols, int limit, uint8_t *length);

/// The bits of a code that has its lengths.
void fw_code_assign(struct fw_code *code, size_t symbols);

#endif
