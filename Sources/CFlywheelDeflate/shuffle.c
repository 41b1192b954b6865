// HDF5's byte shuffle (filter 2) and its way back.
//
// Sixteen elements of w bytes fill w vectors. The number of a byte among them is (element, byte of the
// element) in bits; where it goes is (byte, element). One step that takes even and odd bytes apart
// rotates these bits by one, so log2(w) steps make the whole move, and as many interleavings undo it.

#include <string.h>

#include "CFlywheelDeflate.h"

typedef uint8_t vector __attribute__((vector_size(16)));

#define WIDEST 16
#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const uint8_t *p) {
  vector v;
  memcpy(&v, p, sizeof v);
  return v;
}

INLINE void store(uint8_t *p, vector v) { memcpy(p, &v, sizeof v); }

INLINE void take_apart(vector *v, size_t w) {
  vector out[WIDEST];
  for (size_t i = 0; i < w / 2; i++) {
    const vector a = v[2 * i], b = v[2 * i + 1];
    out[i] =
        __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    out[w / 2 + i] =
        __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  }
  for (size_t i = 0; i < w; i++) v[i] = out[i];
}

INLINE void interleave(vector *v, size_t w) {
  vector out[WIDEST];
  for (size_t i = 0; i < w / 2; i++) {
    const vector a = v[i], b = v[w / 2 + i];
    out[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    out[2 * i + 1] =
        __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  }
  for (size_t i = 0; i < w; i++) v[i] = out[i];
}

/// Shuffles as many elements as fill vectors; returns their number.
INLINE size_t shuffle_vectors(const uint8_t *bytes, size_t elements, size_t w, uint8_t *out) {
  size_t e = 0;
  for (; e + 16 <= elements; e += 16) {
    vector v[WIDEST];
    for (size_t i = 0; i < w; i++) v[i] = load(bytes + e * w + 16 * i);
    for (size_t step = 1; step < w; step *= 2) take_apart(v, w);
    for (size_t i = 0; i < w; i++) store(out + i * elements + e, v[i]);
  }
  return e;
}

INLINE size_t unshuffle_vectors(const uint8_t *bytes, size_t elements, size_t w, uint8_t *out) {
  size_t e = 0;
  for (; e + 16 <= elements; e += 16) {
    vector v[WIDEST];
    for (size_t i = 0; i < w; i++) v[i] = load(bytes + i * elements + e);
    for (size_t step = 1; step < w; step *= 2) interleave(v, w);
    for (size_t i = 0; i < w; i++) store(out + e * w + 16 * i, v[i]);
  }
  return e;
}

void fw_shuffle(const uint8_t *bytes, size_t count, size_t element, uint8_t *out) {
  const size_t elements = count / element;
  size_t done = 0;
  switch (element) {
    case 2: done = shuffle_vectors(bytes, elements, 2, out); break;
    case 4: done = shuffle_vectors(bytes, elements, 4, out); break;
    case 8: done = shuffle_vectors(bytes, elements, 8, out); break;
    case 16: done = shuffle_vectors(bytes, elements, 16, out); break;
    default: break;
  }
  for (size_t e = done; e < elements; e++) {
    for (size_t i = 0; i < element; i++) out[i * elements + e] = bytes[e * element + i];
  }
  const size_t whole = elements * element;
  if (whole < count) memcpy(out + whole, bytes + whole, count - whole);
}

void fw_shuffle_part(const uint8_t *bytes, size_t count, size_t element, size_t from, size_t length,
                     uint8_t *out) {
  const size_t elements = count / element, whole = elements * element;
  while (length > 0 && from < whole) {
    const size_t plane = from / elements, first = from % elements;
    const size_t n = length < elements - first ? length : elements - first;
    const uint8_t *p = bytes + first * element + plane;
    for (size_t i = 0; i < n; i++) out[i] = p[i * element];
    from += n;
    out += n;
    length -= n;
  }
  if (length > 0) memcpy(out, bytes + from, length);
}

void fw_unshuffle(const uint8_t *bytes, size_t count, size_t element, uint8_t *out) {
  const size_t elements = count / element;
  size_t done = 0;
  switch (element) {
    case 2: done = unshuffle_vectors(bytes, elements, 2, out); break;
    case 4: done = unshuffle_vectors(bytes, elements, 4, out); break;
    case 8: done = unshuffle_vectors(bytes, elements, 8, out); break;
    case 16: done = unshuffle_vectors(bytes, elements, 16, out); break;
    default: break;
  }
  for (size_t e = done; e < elements; e++) {
    for (size_t i = 0; i < element; i++) out[e * element + i] = bytes[i * elements + e];
  }
  const size_t whole = elements * element;
  if (whole < count) memcpy(out + whole, bytes + whole, count - whole);
}
