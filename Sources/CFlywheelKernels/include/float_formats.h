// Floats of 8 and 16 bits, one number at a time. They are stored as bit patterns; this is what the
// patterns mean, for the kernels and for Swift alike.

#ifndef FW_FLOAT_FORMATS_H
#define FW_FLOAT_FORMATS_H

#include <stdint.h>
#include <string.h>

/// How a small float divides its bits: what is left of them is its sign, the highest.
struct fw_float_format {
  int exponent_bits, mantissa_bits;
  /// The first pattern behind the finite numbers: infinity, or NaN where there is none.
  uint32_t end;
};

#define FW_FLOAT16 ((struct fw_float_format){5, 10, 0x7C00})
#define FW_BFLOAT16 ((struct fw_float_format){8, 7, 0x7F80})
#define FW_FLOAT8_E5M2 ((struct fw_float_format){5, 2, 0x7C})
#define FW_FLOAT8_E4M3FN ((struct fw_float_format){4, 3, 0x7F})

// Inlined always, and free of branches: with a constant format the loops around them vectorise.
#define FW_INLINE static inline __attribute__((always_inline))

FW_INLINE uint32_t fw_bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

FW_INLINE float fw_float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// How much larger a number's exponent field is in a float.
FW_INLINE uint32_t fw_exponent_offset(struct fw_float_format format) {
  return 127 - ((1u << (format.exponent_bits - 1)) - 1);
}

/// The number that a pattern stands for; every one is a float. NaN becomes quiet; it keeps its sign, and
/// its payload in a format that has one.
FW_INLINE float fw_widen(uint32_t pattern, struct fw_float_format format) {
  const int width = 1 + format.exponent_bits + format.mantissa_bits;
  const int shift = 23 - format.mantissa_bits;
  const uint32_t offset = fw_exponent_offset(format);
  const uint32_t fraction = (1u << format.mantissa_bits) - 1;
  const int has_infinity = (format.end & fraction) == 0;
  const uint32_t sign = pattern >> (width - 1);
  const uint32_t size = pattern & ((1u << (width - 1)) - 1);

  uint32_t bits = (size << shift) + (offset << 23);
  if (offset > 0) {
    // A subnormal number counts steps of the smallest one, which is an ordinary number among floats.
    const uint32_t step = (offset + 1 - (uint32_t)format.mantissa_bits) << 23;
    const uint32_t subnormal = fw_bits_of((float)(int32_t)size * fw_float_of(step));
    bits = size <= fraction ? subnormal : bits;
  }
  const uint32_t quiet = 0x7FC00000 | (has_infinity ? (size & fraction) << shift : 0);
  bits = has_infinity && size == format.end ? 0x7F800000 : bits;
  bits = size > format.end - (has_infinity ? 0 : 1) ? quiet : bits;
  return fw_float_of(bits | sign << 31);
}

/// The pattern of the nearest number, of two the one with an even pattern. From half a step beyond the
/// largest number on it is that of infinity, or of NaN where there is none. NaN becomes quiet; it keeps
/// its sign, and of its payload the upper bits.
FW_INLINE uint32_t fw_narrow(float value, struct fw_float_format format) {
  const int width = 1 + format.exponent_bits + format.mantissa_bits;
  const int shift = 23 - format.mantissa_bits;
  const uint32_t offset = fw_exponent_offset(format);
  const uint32_t fraction = (1u << format.mantissa_bits) - 1;
  const uint32_t bits = fw_bits_of(value);
  const uint32_t sign = bits >> 31;
  const uint32_t size = bits & 0x7FFFFFFF;

  // Just less than half a step, or half of one if that makes an odd pattern even; a carry out of the
  // mantissa goes into the exponent, where it belongs.
  const uint32_t half = (1u << (shift - 1)) - 1 + (size >> shift & 1);
  uint32_t pattern = (size - (offset << 23) + half) >> shift;
  if (offset > 0) {
    // Where a float's last bit is the smallest step, the processor's own addition rounds to it.
    const uint32_t rounder = (offset + 1 + (uint32_t)shift) << 23;
    const uint32_t subnormal = fw_bits_of(fw_float_of(size) + fw_float_of(rounder)) - rounder;
    pattern = size < (offset + 1) << 23 ? subnormal : pattern;
  }
  pattern = pattern < format.end ? pattern : format.end;
  const uint32_t quiet = format.end | (fraction + 1) >> 1 | (size >> shift & fraction);
  pattern = size > 0x7F800000 ? quiet : pattern;
  return pattern | sign << (width - 1);
}

FW_INLINE float fw_float_of_float16(uint16_t pattern) { return fw_widen(pattern, FW_FLOAT16); }
FW_INLINE uint16_t fw_float16_of_float(float value) {
  return (uint16_t)fw_narrow(value, FW_FLOAT16);
}
FW_INLINE float fw_float_of_bfloat16(uint16_t pattern) { return fw_widen(pattern, FW_BFLOAT16); }
FW_INLINE uint16_t fw_bfloat16_of_float(float value) {
  return (uint16_t)fw_narrow(value, FW_BFLOAT16);
}
FW_INLINE float fw_float_of_float8_e5m2(uint8_t pattern) {
  return fw_widen(pattern, FW_FLOAT8_E5M2);
}
FW_INLINE uint8_t fw_float8_e5m2_of_float(float value) {
  return (uint8_t)fw_narrow(value, FW_FLOAT8_E5M2);
}
FW_INLINE float fw_float_of_float8_e4m3fn(uint8_t pattern) {
  return fw_widen(pattern, FW_FLOAT8_E4M3FN);
}
FW_INLINE uint8_t fw_float8_e4m3fn_of_float(float value) {
  return (uint8_t)fw_narrow(value, FW_FLOAT8_E4M3FN);
}

#endif
