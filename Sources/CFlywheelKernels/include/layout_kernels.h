// How the elements of an array lie: from the order of Fortran to that of C.

/// An array whose first axis varies fastest, seen as a matrix: the first `split` axes number its rows,
/// the others its columns.
typedef struct {
  /// Outermost first; none is zero.
  const ptrdiff_t *extents;
  ptrdiff_t rank;
  ptrdiff_t split;
  /// In bytes.
  ptrdiff_t element_size;
} fw_fortran_array;

/// Copies a part of an array so that its last axis varies fastest.
///
/// `source` is the whole array. Rows are counted as they lie in the source, the first axis fastest,
/// columns as they come to lie in the target, the last axis fastest. The first element of the first row
/// goes to the front of `target`, which has `row_stride` bytes for each row, wherever the order of the
/// axes among the rows puts it: so with more than one axis there, all rows have to be asked for.
void fw_row_major(const fw_fortran_array *array, const void *source, ptrdiff_t first_row,
                  ptrdiff_t row_count, ptrdiff_t first_column, ptrdiff_t column_count, void *target,
                  ptrdiff_t row_stride);
