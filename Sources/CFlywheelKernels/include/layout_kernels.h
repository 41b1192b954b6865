// How the elements of an array lie: from the order of Fortran, or from any distances along its axes, to
// the order of C.

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

/// Elements at regular distances along each axis.
typedef struct {
  /// Outermost first; none is zero, and there are at most 64.
  const ptrdiff_t *extents;
  /// How many elements further the next one along an axis lies; zero for one that is there again.
  const ptrdiff_t *strides;
  ptrdiff_t rank;
  /// In bytes.
  ptrdiff_t element_size;
} fw_strided_array;

/// Copies the elements of an array one behind the other, so that its last axis varies fastest.
///
/// `source` is the first element.
void fw_gather(const fw_strided_array *array, const void *source, void *target);
