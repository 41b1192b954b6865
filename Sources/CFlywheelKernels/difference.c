// Two arrays side by side, in blocks that stay in the first cache.

#include <math.h>
#include <string.h>

#include "blocks.h"

// A fused operation here and none there would be different bits.
#pragma STDC FP_CONTRACT OFF

/// A block of both sides: as its numbers lie after the steps, as the kernels take them, and what is found
/// of each pair.
struct pair {
  struct fw_scratch scratch;
  _Alignas(64) double converted[2][fw_block];
  _Alignas(64) double sizes[2][fw_block];
  _Alignas(64) double differences[fw_block];
  _Alignas(64) uint64_t distances[fw_block];
  /// The numbers of each side, complex ones part by part: in this memory or in the tensor's own.
  const void *parts[2];
  /// What is compared of them: they themselves, or the sizes of complex ones.
  const void *numbers[2];
  /// How many pairs have a side that is not finite.
  int64_t not_finite;
};

static ptrdiff_t part_count(const fw_comparison *comparison) {
  return comparison->meeting == fw_meeting_complex ? 2 : 1;
}

static ptrdiff_t elements_in_block(const fw_comparison *comparison) {
  return fw_block / part_count(comparison);
}

static const unsigned char *element_at(const fw_operand *side, ptrdiff_t index) {
  return (const unsigned char *)side->elements + index * side->element_size;
}

/// Takes elements through the first steps of their side.
static const void *converted(const fw_operand *side, ptrdiff_t step_count, const void *elements,
                             ptrdiff_t count, void *target, struct fw_scratch *scratch) {
  if (step_count == 0) return elements;
  fw_convert_block(side->steps, step_count, elements, target, count * side->part_count, scratch);
  return target;
}

// MARK: What is not finite

enum kind { is_finite, is_infinite, is_nan };

/// A number with an infinite part is infinite, whatever the other is.
static enum kind kind_of(const double *number, ptrdiff_t parts) {
  enum kind kind = is_finite;
  for (ptrdiff_t p = 0; p < parts; p++) {
    if (isinf(number[p])) return is_infinite;
    if (isnan(number[p])) kind = is_nan;
  }
  return kind;
}

static int are_equal(const double *a, const double *b, ptrdiff_t parts, int equates_nan) {
  for (ptrdiff_t p = 0; p < parts; p++) {
    if (a[p] != b[p] && !(equates_nan && isnan(a[p]) && isnan(b[p]))) return 0;
  }
  return 1;
}

/// Counts what is not finite, and makes zeros of both sides of such pairs.
static void leave_out(const unsigned char *first, const unsigned char *second, ptrdiff_t count,
                      const fw_comparison *comparison, struct pair *pair, fw_difference *total) {
  const ptrdiff_t parts = part_count(comparison), size = comparison->pattern_size;
  for (int side = 0; side < 2; side++) {
    double *own = pair->converted[side];
    if (pair->parts[side] != own) {
      memcpy(own, pair->parts[side], (size_t)(count * parts) * sizeof(double));
    }
    pair->parts[side] = own;
  }
  for (ptrdiff_t i = 0; i < count; i++) {
    double *a = pair->converted[0] + i * parts, *b = pair->converted[1] + i * parts;
    const enum kind x = kind_of(a, parts), y = kind_of(b, parts);
    if (x == is_finite && y == is_finite) continue;
    const int are_nan = x == is_nan && y == is_nan;
    const int are_same_bits = comparison->equates_bits && size > 0 &&
                              memcmp(first + i * size, second + i * size, (size_t)size) == 0;
    const int are_same = are_same_bits || (are_nan && comparison->equates_nan) ||
                         are_equal(a, b, parts, comparison->equates_nan);
    total->differing += !are_same;
    total->outside += !are_same;
    total->first_nans += x == is_nan;
    total->second_nans += y == is_nan;
    total->first_infinities += x == is_infinite;
    total->second_infinities += y == is_infinite;
    pair->not_finite++;
    for (ptrdiff_t p = 0; p < parts; p++) a[p] = b[p] = 0;
  }
}

// MARK: Meeting

/// Brings a block of both sides to where they meet, finite numbers only. The sums of squares show what is
/// not: they are finite only if all numbers are, and they are wanted anyway.
static void meet(const fw_operand *first, const fw_operand *second, ptrdiff_t index,
                 ptrdiff_t count, int are_equal, const fw_comparison *comparison, struct pair *pair,
                 struct fw_products *products, fw_difference *total) {
  const struct fw_difference_table *kernels = fw_difference_kernels();
  const unsigned char *x = element_at(first, index), *y = element_at(second, index);
  const void *a =
      converted(first, first->step_count, x, count, pair->converted[0], &pair->scratch);
  const void *b = are_equal ? a
                            : converted(second, second->step_count, y, count, pair->converted[1],
                                        &pair->scratch);
  if (comparison->meeting == fw_meeting_integer) {
    kernels->subtract_integers(a, first->is_unsigned, b, second->is_unsigned, pair->sizes[0],
                               pair->sizes[1], pair->differences, count);
    a = pair->sizes[0];
    b = pair->sizes[1];
  }
  pair->parts[0] = a;
  pair->parts[1] = b;
  pair->not_finite = 0;
  const ptrdiff_t numbers = count * part_count(comparison);
  if (are_equal) {
    kernels->add_squares(a, numbers, products);
  } else {
    kernels->add_products(a, b, numbers, products);
  }
  const int may_be_finite = isfinite(products->first_squares) && isfinite(products->second_squares);
  if (may_be_finite || comparison->meeting == fw_meeting_integer) return;
  leave_out(x, y, count, comparison, pair, total);
  if (pair->not_finite > 0) {
    kernels->add_products(pair->parts[0], pair->parts[1], numbers, products);
  }
}

static void subtract(ptrdiff_t count, const fw_comparison *comparison, struct pair *pair) {
  const struct fw_difference_table *kernels = fw_difference_kernels();
  const void *a = pair->parts[0], *b = pair->parts[1];
  switch (comparison->meeting) {
    case fw_meeting_integer:
      break;
    case fw_meeting_float64:
      kernels->subtract(a, b, pair->differences, count);
      break;
    case fw_meeting_complex:
      kernels->subtract_complex(a, b, pair->sizes[0], pair->sizes[1], pair->differences, count);
      a = pair->sizes[0];
      b = pair->sizes[1];
      break;
  }
  pair->numbers[0] = a;
  pair->numbers[1] = b;
}

/// Multiplies both sides for the sums of products, then for the differences, which are made smaller
/// before the subtraction and larger after it.
static void rescale(ptrdiff_t count, const fw_comparison *comparison, struct pair *pair,
                    struct fw_products *products) {
  const struct fw_difference_table *kernels = fw_difference_kernels();
  const ptrdiff_t numbers = count * part_count(comparison);
  const double before = comparison->difference_scale < 1 ? comparison->difference_scale : 1;
  double scaled[2][fw_block];
  kernels->scale(pair->parts[0], scaled[0], numbers, comparison->first_scale);
  kernels->scale(pair->parts[1], scaled[1], numbers, comparison->second_scale);
  kernels->add_products(scaled[0], scaled[1], numbers, products);
  kernels->scale(pair->parts[0], scaled[0], numbers, before);
  kernels->scale(pair->parts[1], scaled[1], numbers, before);
  memcpy(pair->converted, scaled, sizeof scaled);
  pair->parts[0] = pair->converted[0];
  pair->parts[1] = pair->converted[1];
  subtract(count, comparison, pair);
  kernels->scale(pair->differences, pair->differences, count,
                 comparison->difference_scale / before);
}

static int is_scaled(const fw_comparison *comparison) {
  return comparison->first_scale != 1 || comparison->second_scale != 1 ||
         comparison->difference_scale != 1;
}

// MARK: Extremes

static double number_at(const void *numbers, ptrdiff_t index) {
  double number;
  memcpy(&number, (const unsigned char *)numbers + index * (ptrdiff_t)sizeof number, sizeof number);
  return number;
}

static void keep_absolute(const struct pair *pair, double largest, ptrdiff_t index,
                          fw_extreme *record) {
  if (!(largest > record->value)) return;
  ptrdiff_t i = 0;
  while (fabs(pair->differences[i]) != largest) i++;
  *record = (fw_extreme){largest, index + i};
}

/// |a - b| / max(|a|, |b|) of numbers too large for a difference: from their halves.
static double relative_of_halves(const struct pair *pair, ptrdiff_t index, ptrdiff_t parts,
                                 double larger) {
  double gaps[2] = {0, 0};
  for (ptrdiff_t p = 0; p < parts; p++) {
    const double a = number_at(pair->parts[0], index * parts + p);
    const double b = number_at(pair->parts[1], index * parts + p);
    gaps[p] = fabs(a / 2 - b / 2);
  }
  const double most = fmax(gaps[0], gaps[1]), ratio = fmin(gaps[0], gaps[1]) / most;
  return most / (larger / 2) * sqrt(1 + ratio * ratio);
}

static void keep_relative(const struct pair *pair, ptrdiff_t count, ptrdiff_t parts,
                          ptrdiff_t index, fw_extreme *record) {
  for (ptrdiff_t i = 0; i < count; i++) {
    const double gap = fabs(pair->differences[i]);
    if (gap == 0) continue;
    const double a = fabs(number_at(pair->numbers[0], i)), b = fabs(number_at(pair->numbers[1], i));
    const double larger = a > b ? a : b;
    const double part =
        isinf(gap) ? relative_of_halves(pair, i, parts, larger) : gap / larger;
    if (part > record->value) *record = (fw_extreme){part, index + i};
  }
}

static void keep_distance(const struct pair *pair, uint64_t largest, ptrdiff_t index,
                          fw_difference *total) {
  ptrdiff_t i = 0;
  while (pair->distances[i] != largest) i++;
  total->distance = largest;
  total->distance_index = index + i;
}

/// Which entry is for elements of so many bytes.
static int width_index(ptrdiff_t size) {
  int index = 0;
  while (size > (ptrdiff_t)1 << index) index++;
  return index;
}

// MARK: Blocks

static int ends_in_float32(const fw_operand *side) {
  return side->step_count > 0 && side->steps[side->step_count - 1] == fw_float32_to_float64;
}

/// Compares a block of floats in one loop that leaves no differences behind, if that can be done: nearly
/// always. What is not finite shows in the sums of squares, as in `meet`.
static int compare_floats(const fw_operand *first, const fw_operand *second, const void *x,
                          const void *y, ptrdiff_t count, const fw_comparison *comparison,
                          double record, struct pair *pair, struct fw_products *products,
                          struct fw_gaps *gaps) {
  if (comparison->meeting != fw_meeting_float64 || is_scaled(comparison)) return 0;
  // The last step is one that the kernel does on its way.
  const int are_float32 = ends_in_float32(first) && ends_in_float32(second);
  const void *a = converted(first, first->step_count - are_float32, x, count, pair->converted[0],
                            &pair->scratch);
  const void *b = converted(second, second->step_count - are_float32, y, count, pair->converted[1],
                            &pair->scratch);
  *gaps = fw_difference_kernels()->compare_floats[are_float32 ? 0 : 1](
      a, b, count, comparison->absolute, comparison->relative, record, products);
  pair->not_finite = 0;
  return isfinite(products->first_squares) && isfinite(products->second_squares);
}

static void add_block(const fw_operand *first, const fw_operand *second, ptrdiff_t index,
                      ptrdiff_t count, const fw_comparison *comparison, struct pair *pair,
                      fw_difference *total) {
  const struct fw_difference_table *kernels = fw_difference_kernels();
  const void *x = element_at(first, index), *y = element_at(second, index);
  const ptrdiff_t size = comparison->pattern_size;
  const int are_equal = size > 0 && memcmp(x, y, (size_t)(count * size)) == 0;
  struct fw_products products;
  struct fw_gaps gaps = {0};
  const int is_done =
      !are_equal && compare_floats(first, second, x, y, count, comparison, total->relative.value,
                                   pair, &products, &gaps);
  if (!is_done) {
    meet(first, second, index, count, are_equal, comparison, pair, &products, total);
    if (is_scaled(comparison)) {
      rescale(count, comparison, pair, &products);
    } else if (!are_equal) {
      subtract(count, comparison, pair);
    }
    if (!are_equal) {
      gaps = kernels->compare(pair->differences, pair->numbers[0], pair->numbers[1], count,
                              comparison->absolute, comparison->relative, total->relative.value);
    }
  }
  total->finite += count - pair->not_finite;
  total->products += products.products;
  total->first_squares += products.first_squares;
  total->second_squares += products.second_squares;
  total->first_largest = fmax(total->first_largest, products.first_largest);
  total->second_largest = fmax(total->second_largest, products.second_largest);
  total->differing += gaps.differing;
  total->squares += gaps.squares;
  if (are_equal) return;

  const int asks_distances =
      comparison->has_ulps && comparison->pattern_end > 0 && gaps.outside > 0;
  if (is_done && (gaps.largest > total->absolute.value || gaps.is_promising || asks_distances)) {
    meet(first, second, index, count, 0, comparison, pair, &products, total);
    subtract(count, comparison, pair);
  }
  keep_absolute(pair, gaps.largest, index, &total->absolute);
  if (gaps.is_promising) {
    keep_relative(pair, count, part_count(comparison), index, &total->relative);
  }

  int64_t outside = gaps.outside;
  if (size > 0) {
    const int width = width_index(size);
    const struct fw_patterns patterns =
        kernels->patterns[width](x, y, count, comparison->pattern_end);
    total->bits_differing += patterns.differing;
    const int is_record = patterns.largest > total->distance;
    if (is_record || asks_distances) {
      kernels->distances[width](x, y, pair->distances, count, comparison->pattern_end);
    }
    if (is_record) keep_distance(pair, patterns.largest, index, total);
    if (asks_distances) {
      outside = kernels->count_far(pair->differences, pair->numbers[0], pair->numbers[1],
                                   pair->distances, count, comparison->absolute,
                                   comparison->relative, comparison->ulps);
    }
  }
  total->outside += outside;
}

fw_difference fw_difference_of(const fw_operand *first, const fw_operand *second, ptrdiff_t count,
                               const fw_comparison *comparison) {
  struct pair pair;
  fw_difference total = {0};
  const ptrdiff_t block = elements_in_block(comparison);
  for (ptrdiff_t index = 0; index < count; index += block) {
    const ptrdiff_t taken = count - index < block ? count - index : block;
    add_block(first, second, index, taken, comparison, &pair, &total);
  }
  if (comparison->pattern_size == 0) total.bits_differing = total.differing;
  return total;
}

int64_t fw_count_other_bytes(const void *first, const void *second, ptrdiff_t count,
                             ptrdiff_t element_size) {
  const unsigned char *a = first, *b = second;
  const size_t size = (size_t)element_size;
  int64_t differing = 0;
  for (ptrdiff_t i = 0; i < count; i++, a += size, b += size) differing += memcmp(a, b, size) != 0;
  return differing;
}

// MARK: Decades

#define TEN(e) 1e##e##0, 1e##e##1, 1e##e##2, 1e##e##3, 1e##e##4, 1e##e##5, 1e##e##6, 1e##e##7, \
      1e##e##8, 1e##e##9
#define TEN_DOWN(e) 1e-##e##9, 1e-##e##8, 1e-##e##7, 1e-##e##6, 1e-##e##5, 1e-##e##4, 1e-##e##3, \
      1e-##e##2, 1e-##e##1, 1e-##e##0
#define HUNDRED(e) TEN(e##0), TEN(e##1), TEN(e##2), TEN(e##3), TEN(e##4), TEN(e##5), TEN(e##6), \
      TEN(e##7), TEN(e##8), TEN(e##9)
#define HUNDRED_DOWN(e) TEN_DOWN(e##9), TEN_DOWN(e##8), TEN_DOWN(e##7), TEN_DOWN(e##6), \
      TEN_DOWN(e##5), TEN_DOWN(e##4), TEN_DOWN(e##3), TEN_DOWN(e##2), TEN_DOWN(e##1), TEN_DOWN(e##0)
// 10^-324 is less than half the least number: as 0 it is below all.
static const double powers[fw_decade_count] = {
    0, 1e-323, 1e-322, 1e-321, 1e-320, TEN_DOWN(31), TEN_DOWN(30), HUNDRED_DOWN(2),
    HUNDRED_DOWN(1), HUNDRED_DOWN(), 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, TEN(1), TEN(2),
    TEN(3), TEN(4), TEN(5), TEN(6), TEN(7), TEN(8), TEN(9), HUNDRED(1), HUNDRED(2), 1e300, 1e301,
    1e302, 1e303, 1e304, 1e305, 1e306, 1e307, 1e308};

/// The last power of ten that is not larger.
static ptrdiff_t decade_of(double size) {
  if (isinf(size)) return fw_decade_count - 1;
  // A power of two that is not larger says it almost.
  ptrdiff_t decade = (ptrdiff_t)floor(ilogb(size) * 0.30102999566398120) - fw_lowest_decade;
  while (decade > 0 && powers[decade] > size) decade--;
  while (decade + 1 < fw_decade_count && powers[decade + 1] <= size) decade++;
  return decade;
}

void fw_count_decades(const fw_operand *first, const fw_operand *second, ptrdiff_t count,
                      const fw_comparison *comparison, fw_decades *total) {
  struct pair pair;
  fw_difference ignored = {0};
  const ptrdiff_t block = elements_in_block(comparison);
  for (ptrdiff_t index = 0; index < count; index += block) {
    const ptrdiff_t taken = count - index < block ? count - index : block;
    struct fw_products products;
    meet(first, second, index, taken, 0, comparison, &pair, &products, &ignored);
    subtract(taken, comparison, &pair);
    total->not_finite += pair.not_finite;
    total->zeros -= pair.not_finite;
    for (ptrdiff_t i = 0; i < taken; i++) {
      const double difference = pair.differences[i];
      if (difference == 0) {
        total->zeros++;
      } else {
        (difference > 0 ? total->greater : total->less)[decade_of(fabs(difference))]++;
      }
    }
  }
}
