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
#define TILE(name, type)                                                                       \
  static void name(const unsigned char **sources, ptrdiff_t columns, unsigned char **targets, \
                   ptrdiff_t rows) {                                                           \
    _Alignas(64) type block[tile_columns][tile_rows];                                          \
    for (ptrdiff_t c = 0; c < columns; c++) memcpy(block[c], sources[c], rows * sizeof(type)); \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                     \
      type line[tile_columns];                                                                 \
      for (ptrdiff_t c = 0; c < columns; c++) line[c] = block[c][r];                           \
      memcpy(targets[r], line, columns * sizeof(type));                                        \
    }                                                                                          \
  }

typedef struct {
  uint64_t low, high;
} wide;

TILE(tile_8, uint8_t)
TILE(tile_16, uint16_t)
TILE(tile_32, uint32_t)
TILE(tile_64, uint64_t)
TILE(tile_128, wide)

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
    case 16: return tile_128(sources, columns, targets, rows);
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
