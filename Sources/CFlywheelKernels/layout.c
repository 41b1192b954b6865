// Arrays in Fortran's order, in tiles: a few cache lines of several source rows are gathered into a block
// that stays in the first cache, and leave it as whole lines of the target. So every line of either is
// touched once, whatever the strides are.

#include <stdint.h>
#include <string.h>

#include "CFlywheelKernels.h"

enum {
  tile_rows = 32,     // elements that lie side by side in the source
  tile_columns = 64,  // elements that lie side by side in the target
};

/// Where an element of a group of axes lies if the other end of the group varies fastest.
static ptrdiff_t reversed(ptrdiff_t index, const ptrdiff_t *extents, ptrdiff_t rank, int first_fastest) {
  if (rank == 1) return index;
  ptrdiff_t digits[64], place = 0;
  for (ptrdiff_t k = 0; k < rank; k++) {
    const ptrdiff_t axis = first_fastest ? k : rank - 1 - k;
    digits[axis] = index % extents[axis];
    index /= extents[axis];
  }
  for (ptrdiff_t k = 0; k < rank; k++) {
    const ptrdiff_t axis = first_fastest ? k : rank - 1 - k;
    place = place * extents[axis] + digits[axis];
  }
  return place;
}

/// Copies a tile of elements of one size; `sources` and `targets` are the lines that it goes from and to.
///
/// A whole tile is turned around in squares of as many elements as a vector of 16 bytes has: each round
/// of interleaving the first half of the rows with the second halves the distance between neighbours.
#define TILE(name, type, lanes, LOW, HIGH)                                                     \
  typedef type name##_vector __attribute__((vector_size(16)));                                 \
                                                                                               \
  static inline void name##_square(name##_vector rows[lanes]) {                                \
    for (int round = 1; round < lanes; round *= 2) {                                           \
      name##_vector next[lanes];                                                               \
      for (int i = 0; i < lanes / 2; i++) {                                                    \
        next[2 * i] = __builtin_shufflevector(rows[i], rows[i + lanes / 2], LOW);              \
        next[2 * i + 1] = __builtin_shufflevector(rows[i], rows[i + lanes / 2], HIGH);         \
      }                                                                                        \
      memcpy(rows, next, sizeof next);                                                         \
    }                                                                                          \
  }                                                                                            \
                                                                                               \
  static void name(const unsigned char **sources, ptrdiff_t columns, unsigned char **targets, \
                   ptrdiff_t rows) {                                                           \
    _Alignas(64) type block[tile_columns][tile_rows];                                          \
    if (rows == tile_rows && columns == tile_columns) {                                        \
      for (int c = 0; c < tile_columns; c++) memcpy(block[c], sources[c], sizeof block[c]);    \
      for (int r = 0; r < tile_rows; r += lanes) {                                             \
        for (int c = 0; c < tile_columns; c += lanes) {                                        \
          name##_vector square[lanes];                                                         \
          for (int i = 0; i < lanes; i++) memcpy(&square[i], &block[c + i][r], 16);            \
          name##_square(square);                                                               \
          for (int i = 0; i < lanes; i++) {                                                    \
            memcpy(targets[r + i] + c * sizeof(type), &square[i], 16);                         \
          }                                                                                    \
        }                                                                                      \
      }                                                                                        \
      return;                                                                                  \
    }                                                                                          \
    for (ptrdiff_t c = 0; c < columns; c++) memcpy(block[c], sources[c], rows * sizeof(type)); \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                     \
      type line[tile_columns];                                                                 \
      for (ptrdiff_t c = 0; c < columns; c++) line[c] = block[c][r];                           \
      memcpy(targets[r], line, columns * sizeof(type));                                        \
    }                                                                                          \
  }

#define LOW_8 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH_8 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define LOW_16 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH_16 4, 12, 5, 13, 6, 14, 7, 15
#define LOW_32 0, 4, 1, 5
#define HIGH_32 2, 6, 3, 7
#define LOW_64 0, 2
#define HIGH_64 1, 3

TILE(tile_8, uint8_t, 16, LOW_8, HIGH_8)
TILE(tile_16, uint16_t, 8, LOW_16, HIGH_16)
TILE(tile_32, uint32_t, 4, LOW_32, HIGH_32)
TILE(tile_64, uint64_t, 2, LOW_64, HIGH_64)

static void tile_any(const unsigned char **sources, ptrdiff_t columns, unsigned char **targets,
                     ptrdiff_t rows, ptrdiff_t size) {
  for (ptrdiff_t r = 0; r < rows; r++) {
    for (ptrdiff_t c = 0; c < columns; c++) {
      memcpy(targets[r] + c * size, sources[c] + r * size, size);
    }
  }
}

static void tile(const unsigned char **sources, ptrdiff_t columns, unsigned char **targets,
                 ptrdiff_t rows, ptrdiff_t size) {
  switch (size) {
    case 1: return tile_8(sources, columns, targets, rows);
    case 2: return tile_16(sources, columns, targets, rows);
    case 4: return tile_32(sources, columns, targets, rows);
    case 8: return tile_64(sources, columns, targets, rows);
    case 16: return tile_any(sources, columns, targets, rows, 16);
    default: return tile_any(sources, columns, targets, rows, size);
  }
}

void fw_row_major(const fw_fortran_array *array, const void *source, ptrdiff_t first_row,
                  ptrdiff_t row_count, ptrdiff_t first_column, ptrdiff_t column_count, void *target,
                  ptrdiff_t row_stride) {
  const ptrdiff_t *extents = array->extents, split = array->split, size = array->element_size;
  ptrdiff_t source_stride = size;
  for (ptrdiff_t k = 0; k < split; k++) source_stride *= extents[k];
  const ptrdiff_t origin = reversed(first_row, extents, split, 1);
  for (ptrdiff_t column = 0; column < column_count; column += tile_columns) {
    const ptrdiff_t columns = column_count - column < tile_columns ? column_count - column : tile_columns;
    const unsigned char *lines[tile_columns];
    for (ptrdiff_t c = 0; c < columns; c++) {
      const ptrdiff_t place =
          reversed(first_column + column + c, extents + split, array->rank - split, 0);
      lines[c] = (const unsigned char *)source + place * source_stride + first_row * size;
    }
    for (ptrdiff_t row = 0; row < row_count; row += tile_rows) {
      const ptrdiff_t rows = row_count - row < tile_rows ? row_count - row : tile_rows;
      unsigned char *targets[tile_rows];
      for (ptrdiff_t r = 0; r < rows; r++) {
        const ptrdiff_t place = reversed(first_row + row + r, extents, split, 1) - origin;
        targets[r] = (unsigned char *)target + place * row_stride + column * size;
      }
      tile(lines, columns, targets, rows, size);
      for (ptrdiff_t c = 0; c < columns; c++) lines[c] += rows * size;
    }
  }
}
