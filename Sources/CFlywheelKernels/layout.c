// Arrays in other orders than C's, in tiles: a few cache lines of several source rows are gathered into a
// block that stays in the first cache, and leave it as whole lines of the target. So every line of either
// is touched once, whatever the strides are.

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

/// Copies a plane of elements that lie side by side along the rows in the source and along the columns in
/// the target; strides are in bytes.
static void gather_plane(const unsigned char *source, ptrdiff_t column_stride, ptrdiff_t row_count,
                         ptrdiff_t column_count, unsigned char *target, ptrdiff_t row_stride,
                         ptrdiff_t size) {
  for (ptrdiff_t column = 0; column < column_count; column += tile_columns) {
    const ptrdiff_t columns = column_count - column < tile_columns ? column_count - column : tile_columns;
    for (ptrdiff_t row = 0; row < row_count; row += tile_rows) {
      const ptrdiff_t rows = row_count - row < tile_rows ? row_count - row : tile_rows;
      const unsigned char *sources[tile_columns];
      unsigned char *targets[tile_rows];
      for (ptrdiff_t c = 0; c < columns; c++) {
        sources[c] = source + (column + c) * column_stride + row * size;
      }
      for (ptrdiff_t r = 0; r < rows; r++) {
        targets[r] = target + (row + r) * row_stride + column * size;
      }
      tile(sources, columns, targets, rows, size);
    }
  }
}

/// Copies one row of elements; the stride is in bytes.
#define ROW(name, type)                                                            \
  static void name(const unsigned char *source, ptrdiff_t stride, ptrdiff_t count, \
                   unsigned char *target) {                                        \
    for (ptrdiff_t k = 0; k < count; k++) {                                        \
      memcpy(target + k * sizeof(type), source + k * stride, sizeof(type));        \
    }                                                                              \
  }

ROW(row_8, uint8_t)
ROW(row_16, uint16_t)
ROW(row_32, uint32_t)
ROW(row_64, uint64_t)

static void gather_row(const unsigned char *source, ptrdiff_t stride, ptrdiff_t count,
                       unsigned char *target, ptrdiff_t size) {
  switch (size) {
    case 1: return row_8(source, stride, count, target);
    case 2: return row_16(source, stride, count, target);
    case 4: return row_32(source, stride, count, target);
    case 8: return row_64(source, stride, count, target);
    default:
      for (ptrdiff_t k = 0; k < count; k++) memcpy(target + k * size, source + k * stride, size);
  }
}

void fw_gather(const fw_strided_array *array, const void *source, void *target) {
  const ptrdiff_t *extents = array->extents, *strides = array->strides;
  const ptrdiff_t size = array->element_size, last = array->rank - 1;
  if (last < 0) {
    memcpy(target, source, size);
    return;
  }
  // The axis along which elements lie side by side in the source; those of the last one lie so in the target.
  ptrdiff_t near = last;
  for (ptrdiff_t k = 0; k < last && strides[last] != 1; k++) {
    if (strides[k] == 1) near = k;
  }
  // In bytes, and where the next element of each axis comes to lie.
  ptrdiff_t target_strides[64], position[64] = {0}, distance = size, outer_count = 1;
  for (ptrdiff_t k = last; k >= 0; k--) {
    target_strides[k] = distance;
    distance *= extents[k];
    if (k != last && k != near) outer_count *= extents[k];
  }
  const unsigned char *from = source;
  unsigned char *to = target;
  for (ptrdiff_t step = 0; step < outer_count; step++) {
    if (near != last) {
      gather_plane(from, strides[last] * size, extents[near], extents[last], to, target_strides[near],
                   size);
    } else if (strides[last] == 1) {
      memcpy(to, from, extents[last] * size);
    } else {
      gather_row(from, strides[last] * size, extents[last], to, size);
    }
    // One step on: the other axes count like an odometer.
    for (ptrdiff_t k = last - 1; k >= 0; k--) {
      if (k == near) continue;
      from += strides[k] * size;
      to += target_strides[k];
      if (++position[k] < extents[k]) break;
      from -= strides[k] * size * extents[k];
      to -= target_strides[k] * extents[k];
      position[k] = 0;
    }
  }
}
