// CRC-32 with zlib's polynomial, P = x³² + x²⁶ + x²³ + … + 1, least significant bit first.
//
// The bytes are the coefficients of a polynomial, and the checksum is its remainder modulo P. So a block
// of bytes may be replaced by any shorter polynomial with the same remainder: multiplied carry-less by
// x^n mod P, a block moves n bits towards the end and is added (xor) to what lies there. Each variant
// folds until one block is left, and hands that block, which stands for everything before it, to the
// next simpler variant.

#include <string.h>

#include "CFlywheelKernels.h"

// MARK: The table: eight bytes a step, everywhere

// The entry for byte i in row k is the remainder of i followed by k zero bytes. That is linear in i, so
// eight powers of x make a row: the bit 1 << b gives x^(8k + 39 - b) mod P.
#define BIT(i, b, power) ((((i) >> (b)) & 1) * (uint32_t)(power))
#define ENTRY(i, p0, p1, p2, p3, p4, p5, p6, p7)                                        \
  BIT(i, 0, p0) ^ BIT(i, 1, p1) ^ BIT(i, 2, p2) ^ BIT(i, 3, p3) ^ BIT(i, 4, p4) ^       \
      BIT(i, 5, p5) ^ BIT(i, 6, p6) ^ BIT(i, 7, p7)
#define ENTRIES_4(i, ...)                                                               \
  ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__),          \
      ENTRY(i + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                              \
  ENTRIES_4(i, __VA_ARGS__), ENTRIES_4(i + 4, __VA_ARGS__), ENTRIES_4(i + 8, __VA_ARGS__), \
      ENTRIES_4(i + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                              \
  ENTRIES_16(i, __VA_ARGS__), ENTRIES_16(i + 16, __VA_ARGS__),                          \
      ENTRIES_16(i + 32, __VA_ARGS__), ENTRIES_16(i + 48, __VA_ARGS__)
#define ROW(...)                                                                        \
  { ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__), \
    ENTRIES_64(192, __VA_ARGS__) }

static const uint32_t table[8][256] = {
    ROW(0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, 0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320),
    ROW(0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, 0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b),
    ROW(0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, 0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80),
    ROW(0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, 0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b),
    ROW(0x3d6029b0, 0x7ac05360, 0xf580a6c0, 0x30704bc1, 0x60e09782, 0xc1c12f04, 0x58f35849, 0xb1e6b092),
    ROW(0xcb5cd3a5, 0x4dc8a10b, 0x9b914216, 0xec53826d, 0x03d6029b, 0x07ac0536, 0x0f580a6c, 0x1eb014d8),
    ROW(0xa6770bb4, 0x979f1129, 0xf44f2413, 0x33ef4e67, 0x67de9cce, 0xcfbd399c, 0x440b7579, 0x8816eaf2),
    ROW(0xccaa009e, 0x4225077d, 0x844a0efa, 0xd3e51bb5, 0x7cbb312b, 0xf9766256, 0x299dc2ed, 0x533b85da),
};

static uint32_t update_by_table(uint32_t crc, const uint8_t *p, size_t count) {
  for (; count >= 8; p += 8, count -= 8) {
    crc ^= (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
    crc = table[7][crc & 255] ^ table[6][crc >> 8 & 255] ^ table[5][crc >> 16 & 255] ^
          table[4][crc >> 24] ^ table[3][p[4]] ^ table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
  }
  for (; count > 0; p++, count--) crc = table[0][(crc ^ *p) & 255] ^ crc >> 8;
  return crc;
}

#if defined(__x86_64__)

// MARK: x86: carry-less multiplication

#include <immintrin.h>

// The two factors that move 128 bits by n bits: x^(n + 32) mod P for the half that comes first, x^(n - 32)
// for the other, bit-reversed and shifted left by one because the product of two reversed polynomials
// comes out one bit short.
#define FACTORS_128 0x0ccaa009e, 0x1751997d0
#define FACTORS_512 0x1c6e41596, 0x154442bd4
#define FACTORS_2048 0x1322d1430, 0x11542778a

#define TARGET_128 __attribute__((target("pclmul,sse2")))
#define TARGET_512 __attribute__((target("vpclmulqdq,avx512f")))

TARGET_128 static __m128i load_128(const uint8_t *p) {
  return _mm_loadu_si128((const __m128i_u *)p);
}

TARGET_128 static __m128i fold_128(__m128i block, __m128i factors, __m128i next) {
  const __m128i moved = _mm_xor_si128(_mm_clmulepi64_si128(block, factors, 0x00),
                                      _mm_clmulepi64_si128(block, factors, 0x11));
  return _mm_xor_si128(moved, next);
}

TARGET_128 static uint32_t update_by_128(uint32_t crc, const uint8_t *p, size_t count) {
  if (count < 64) return update_by_table(crc, p, count);
  // Four blocks at a time, to hide the latency of the multiplication.
  const __m128i by_512 = _mm_set_epi64x(FACTORS_512), by_128 = _mm_set_epi64x(FACTORS_128);
  __m128i block[4];
  for (int i = 0; i < 4; i++) block[i] = load_128(p + 16 * i);
  block[0] = _mm_xor_si128(block[0], _mm_cvtsi32_si128((int)crc));
  for (p += 64, count -= 64; count >= 64; p += 64, count -= 64) {
    for (int i = 0; i < 4; i++) block[i] = fold_128(block[i], by_512, load_128(p + 16 * i));
  }
  for (int i = 1; i < 4; i++) block[i] = fold_128(block[i - 1], by_128, block[i]);
  for (; count >= 16; p += 16, count -= 16) block[3] = fold_128(block[3], by_128, load_128(p));

  uint8_t last[16];
  _mm_storeu_si128((__m128i_u *)last, block[3]);
  return update_by_table(update_by_table(0, last, sizeof last), p, count);
}

TARGET_512 static __m512i fold_512(__m512i block, __m512i factors, __m512i next) {
  const __m512i low = _mm512_clmulepi64_epi128(block, factors, 0x00);
  const __m512i high = _mm512_clmulepi64_epi128(block, factors, 0x11);
  return _mm512_xor_si512(_mm512_xor_si512(low, high), next);
}

TARGET_512 static uint32_t update_by_512(uint32_t crc, const uint8_t *p, size_t count) {
  if (count < 256) return update_by_128(crc, p, count);
  const __m512i by_2048 = _mm512_broadcast_i32x4(_mm_set_epi64x(FACTORS_2048));
  const __m512i by_512 = _mm512_broadcast_i32x4(_mm_set_epi64x(FACTORS_512));
  __m512i block[4];
  for (int i = 0; i < 4; i++) block[i] = _mm512_loadu_si512(p + 64 * i);
  block[0] = _mm512_xor_si512(block[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)crc)));
  for (p += 256, count -= 256; count >= 256; p += 256, count -= 256) {
    for (int i = 0; i < 4; i++) {
      block[i] = fold_512(block[i], by_2048, _mm512_loadu_si512(p + 64 * i));
    }
  }
  for (int i = 1; i < 4; i++) block[i] = fold_512(block[i - 1], by_512, block[i]);

  uint8_t last[64];
  _mm512_storeu_si512(last, block[3]);
  return update_by_128(update_by_128(0, last, sizeof last), p, count);
}

static int has_128(void) { return __builtin_cpu_supports("pclmul"); }

static int has_512(void) {
  return has_128() && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx512f");
}

const char *fw_crc32_implementation(void) {
  return has_512() ? "vpclmulqdq-512" : has_128() ? "pclmulqdq" : "table";
}

static uint32_t update(uint32_t crc, const uint8_t *p, size_t count) {
  if (has_512()) return update_by_512(crc, p, count);
  if (has_128()) return update_by_128(crc, p, count);
  return update_by_table(crc, p, count);
}

#elif defined(__aarch64__)

// MARK: arm64: the instruction

#include <arm_acle.h>

#if defined(__linux__)
#include <sys/auxv.h>
static int has_instruction(void) { return (getauxval(AT_HWCAP) & (1 << 7 /* HWCAP_CRC32 */)) != 0; }
#else
static int has_instruction(void) { return 1; }  // every Mac has it
#endif

__attribute__((target("crc"))) static uint32_t update_by_instruction(uint32_t crc, const uint8_t *p,
                                                                     size_t count) {
  for (; count >= 8; p += 8, count -= 8) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    crc = __crc32d(crc, word);
  }
  for (; count > 0; p++, count--) crc = __crc32b(crc, *p);
  return crc;
}

const char *fw_crc32_implementation(void) { return has_instruction() ? "arm64-crc32" : "table"; }

static uint32_t update(uint32_t crc, const uint8_t *p, size_t count) {
  return has_instruction() ? update_by_instruction(crc, p, count) : update_by_table(crc, p, count);
}

#else

const char *fw_crc32_implementation(void) { return "table"; }

static uint32_t update(uint32_t crc, const uint8_t *p, size_t count) {
  return update_by_table(crc, p, count);
}

#endif

uint32_t fw_crc32(uint32_t crc, const void *bytes, size_t count) {
  return ~update(~crc, bytes, count);
}
