// How two arrays of the same number of elements differ, in one pass over both. Bytes may lie at any
// address. Results are the same bits on every level.

/// Elements of one side, and the steps, or none, that take them to the type in which both sides meet.
typedef struct {
  const void *elements;
  ptrdiff_t element_size;
  const fw_step *steps;
  int32_t step_count;
  /// The parts of one element that each go through the steps: 2 of a complex number, otherwise 1.
  int32_t part_count;
  /// Whether the integers of 64 bits that the steps end in have no sign.
  int32_t is_unsigned;
} fw_operand;

/// The type in which two sides meet: float64; integers of 64 bits, whose difference is rounded to float64
/// only once it is taken; or pairs of float64.
typedef enum { fw_meeting_float64, fw_meeting_integer, fw_meeting_complex } fw_meeting;

/// What is asked of two sides.
typedef struct {
  fw_meeting meeting;
  /// The bytes of an element, 1, 2, 4, 8 or 16, if both sides have one type; otherwise 0.
  int32_t pattern_size;
  /// For floats of one type the first positive pattern behind the finite numbers; otherwise 0.
  uint64_t pattern_end;
  /// Elements are close if |a - b| <= absolute + relative max(|a|, |b|); neither is negative.
  double absolute, relative;
  /// They also are if they are at most so many patterns apart, if that is asked.
  uint64_t ulps;
  int32_t has_ulps;
  /// Whether NaN has NaN's value.
  int32_t equates_nan;
  /// Whether equal bits are the same even if they are NaN.
  int32_t equates_bits;
  /// Powers of two that the first side, the second and their differences are multiplied by: 1, or what
  /// keeps squares from overflow. With others than 1 only the sums mean anything.
  double first_scale, second_scale, difference_scale;
} fw_comparison;

/// The greatest value, and the first index that has it; the value is 0 as long as there is none.
typedef struct {
  double value;
  int64_t index;
} fw_extreme;

/// How two sides differ. Extremes, sums and the largest sizes are over the pairs of which both are
/// finite.
typedef struct {
  int64_t finite;
  /// Pairs of other values, of other bits (as `differing` for two types), and further apart than allowed.
  int64_t differing, bits_differing, outside;
  /// |a - b| and |a - b| / max(|a|, |b|).
  fw_extreme absolute, relative;
  /// The greatest number of patterns from the one to the other, in which 0 and -0 are one; and where.
  uint64_t distance;
  int64_t distance_index;
  /// The sums of |a - b|^2, of a b, of a^2 and of b^2; complex numbers are added part by part.
  double squares, products, first_squares, second_squares;
  /// The largest |a| and |b|, of complex numbers the largest parts.
  double first_largest, second_largest;
  int64_t first_nans, second_nans, first_infinities, second_infinities;
} fw_difference;

/// Compares two sides.
///
/// Sums are in float64 without fused operations, over blocks of 1,024 numbers, a complex number being
/// two: within a block in 8 lanes, number i in lane i mod 8, which end in the tree
/// ((0+1)+(2+3))+((4+5)+(6+7)); then from block to block.
fw_difference fw_difference_of(const fw_operand *first, const fw_operand *second, ptrdiff_t count,
                               const fw_comparison *comparison);

/// How many of `count` elements of so many bytes have other bytes.
int64_t fw_count_other_bytes(const void *first, const void *second, ptrdiff_t count,
                             ptrdiff_t element_size);

/// The decades of float64: 10^-324 to 10^308.
enum { fw_decade_count = 633, fw_lowest_decade = -324 };

/// How many pairs are equally large, how many have a side that is not finite, and how many differ by
/// |a - b| >= 10^(k - 324) but less than the next power, those with a > b apart from those with a < b.
/// Of complex numbers all are `greater`.
typedef struct {
  int64_t zeros, not_finite;
  int64_t *greater, *less;
} fw_decades;

/// Counts into decades; `total` starts at zeros.
void fw_count_decades(const fw_operand *first, const fw_operand *second, ptrdiff_t count,
                      const fw_comparison *comparison, fw_decades *total);
