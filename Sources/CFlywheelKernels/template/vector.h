// 64 bytes of lanes, on every CPU: the width is part of the order of a sum, so it must not follow the
// registers.

#define LANES ((int)(64 / sizeof(real)))
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef real vector __attribute__((ext_vector_type(64 / sizeof(real)), may_alias));
typedef whole whole_vector __attribute__((ext_vector_type(64 / sizeof(real))));
typedef bits bits_vector __attribute__((ext_vector_type(64 / sizeof(real))));

INLINE vector load(const real *p) { return *(const vector *)p; }
INLINE void store(real *p, vector v) { *(vector *)p = v; }
INLINE vector splat(real value) { return (vector)value; }

INLINE bits_vector bits_of(vector v) { return (bits_vector)v; }
INLINE vector of_bits(bits_vector b) { return (vector)b; }

/// a b + c.
INLINE vector madd(vector a, vector b, vector c) {
#if FUSED
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

/// 0, 1, 2, …
INLINE whole_vector lane_numbers(void) {
  whole_vector lane;
  for (int i = 0; i < LANES; i++) lane[i] = i;
  return lane;
}

/// All ones in the lanes of columns first, first + 1, … that are less than `columns`.
INLINE whole_vector columns_below(ptrdiff_t columns, ptrdiff_t first) {
  const ptrdiff_t left = columns - first;
  return (whole_vector)(lane_numbers() < (whole_vector)(whole)(left < LANES ? left : LANES));
}

/// Vectors in a row of so many columns; the last may reach into the pad.
INLINE ptrdiff_t vectors_in(ptrdiff_t columns) { return (columns + LANES - 1) / LANES; }

/// Neighbouring elements added, within each 16 bytes: first those of a, then those of b. Staying within
/// 16 bytes keeps the shuffles free of index vectors, which would take registers from a tile.
INLINE vector add_neighbours(vector a, vector b) {
#if defined(FW_REAL_IS_FLOAT)
  return __builtin_shufflevector(a, b, 0, 2, 16, 18, 4, 6, 20, 22, 8, 10, 24, 26, 12, 14, 28, 30) +
         __builtin_shufflevector(a, b, 1, 3, 17, 19, 5, 7, 21, 23, 9, 11, 25, 27, 13, 15, 29, 31);
#else
  return __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14) +
         __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15);
#endif
}

/// Neighbouring groups of 16 bytes added: first those of a, then those of b.
INLINE vector add_neighbouring_groups(vector a, vector b) {
  typedef double halves __attribute__((ext_vector_type(8)));
  const halves p = (halves)a, q = (halves)b;
  return (vector)__builtin_shufflevector(p, q, 0, 1, 4, 5, 8, 9, 12, 13) +
         (vector)__builtin_shufflevector(p, q, 2, 3, 6, 7, 10, 11, 14, 15);
}

/// sums[i] = the sum of v[i]'s lanes, each by the same tree of neighbours. One tree for all of them
/// together costs a third of one for each: a vector of half-finished sums is never half empty.
/// Overwrites v; `sums` has room for whole vectors.
INLINE void sum_lanes(vector *v, const int count, real *sums) {
  int vectors = count;
  UNROLL for (int span = 1; span < LANES; span *= 2) {
    UNROLL for (int i = 0; i < vectors; i += 2) {
      const vector a = v[i], b = v[i + 1 < vectors ? i + 1 : i];
      v[i / 2] = span * sizeof(real) < 16 ? add_neighbours(a, b) : add_neighbouring_groups(a, b);
    }
    vectors = (vectors + 1) / 2;
  }
  UNROLL for (int i = 0; i < vectors; i++) store(sums + i * LANES, v[i]);
}
