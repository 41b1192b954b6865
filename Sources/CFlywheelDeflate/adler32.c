// Adler-32 (RFC 1950, section 8.2): two sums modulo 65,521, b counting each byte as often as there are
// bytes from it to the end.
//
// The vectors add 32 or 16 bytes a step: a gains their sum; b gains, for each step, that step's a times
// the width, and each byte times its distance to the step's end. The remainders are taken only
// once in so many bytes as cannot overflow 32 bits.

#include "CFlywheelDeflate.h"

#define MODULUS 65521

// The largest n with 255·n·(n + 1) / 2 + (n + 1)·(MODULUS - 1) < 2³², rounded down to whole vectors.
#define BLOCK 5536

static uint32_t update_by_bytes(uint32_t adler, const uint8_t *p, size_t count) {
  uint32_t a = adler & 0xffff, b = adler >> 16;
  while (count > 0) {
    const size_t n = count < BLOCK ? count : BLOCK;
    for (size_t i = 0; i < n; i++) {
      a += p[i];
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
    p += n;
    count -= n;
  }
  return b << 16 | a;
}

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET_AVX2 __attribute__((target("avx2")))

TARGET_AVX2 static uint32_t sum_lanes(__m256i lanes) {
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return (uint32_t)_mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

TARGET_AVX2 static uint32_t update_by_avx2(uint32_t adler, const uint8_t *p, size_t count) {
  const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi16(1);
  const __m256i distances =
      _mm256_setr_epi8(32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,
                       16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1);
  uint32_t a = adler & 0xffff, b = adler >> 16;
  while (count >= 32) {
    const size_t n = count < BLOCK ? count & ~(size_t)31 : BLOCK;
    b += a * (uint32_t)n;
    // Every lane of `before` has the sum of the bytes before the step, added up over the steps.
    __m256i sum = zero, before = zero, weighted = zero;
    for (size_t i = 0; i < n; i += 32) {
      const __m256i bytes = _mm256_loadu_si256((const __m256i_u *)(p + i));
      before = _mm256_add_epi32(before, sum);
      sum = _mm256_add_epi32(sum, _mm256_sad_epu8(bytes, zero));
      weighted = _mm256_add_epi32(
          weighted, _mm256_madd_epi16(_mm256_maddubs_epi16(bytes, distances), ones));
    }
    a = (a + sum_lanes(sum)) % MODULUS;
    b = (b + 32 * sum_lanes(before) + sum_lanes(weighted)) % MODULUS;
    p += n;
    count -= n;
  }
  return update_by_bytes(b << 16 | a, p, count);
}

#endif

uint32_t fw_adler32(enum fw_deflate_cpu cpu, uint32_t adler, const uint8_t *bytes, size_t count) {
#if defined(__x86_64__)
  if (cpu >= FW_DEFLATE_AVX2) return update_by_avx2(adler, bytes, count);
#endif
  (void)cpu;
  return update_by_bytes(adler, bytes, count);
}
