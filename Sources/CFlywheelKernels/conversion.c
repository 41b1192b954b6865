// Elements on their way through steps, in blocks that stay in the first cache.

#include "blocks.h"

enum { block = fw_block };

static const struct {
  ptrdiff_t before, after;
} sizes[] = {
#define FW_STEP_SIZES(name, before, after) [fw_##name] = {before, after},
    FW_STEPS(FW_STEP_SIZES)};

ptrdiff_t fw_convert_block(const fw_step *steps, ptrdiff_t step_count, const void *source,
                           void *target, ptrdiff_t count, struct fw_scratch *scratch) {
  const struct fw_conversion_table *kernels = fw_conversion_kernels();
  for (ptrdiff_t s = 0; s < step_count; s++) {
    void *out = s + 1 < step_count ? scratch->bytes[s & 1] : target;
    // Elements before the first that this step does not take may still not be taken by a later one.
    count = kernels->steps[steps[s]](source, out, count);
    source = out;
  }
  return count;
}

ptrdiff_t fw_convert(const fw_step *steps, ptrdiff_t step_count, const void *source, void *target,
                     ptrdiff_t count) {
  struct fw_scratch scratch;
  const ptrdiff_t before = sizes[steps[0]].before, after = sizes[steps[step_count - 1]].after;
  for (ptrdiff_t first = 0; first < count; first += block) {
    const ptrdiff_t wanted = count - first < block ? count - first : block;
    const ptrdiff_t taken =
        fw_convert_block(steps, step_count, (const unsigned char *)source + first * before,
                         (unsigned char *)target + first * after, wanted, &scratch);
    if (taken < wanted) return first + taken;
  }
  return count;
}

fw_statistics fw_statistics_of(const fw_step *steps, ptrdiff_t step_count, const void *source,
                               ptrdiff_t count, double scale) {
  struct fw_scratch scratch;
  _Alignas(64) double doubles[block];
  fw_statistics total = {.minimum = __builtin_inf(), .maximum = -__builtin_inf()};
  const ptrdiff_t size = step_count > 0 ? sizes[steps[0]].before : (ptrdiff_t)sizeof(double);
  for (ptrdiff_t first = 0; first < count; first += block) {
    const ptrdiff_t taken = count - first < block ? count - first : block;
    const void *part = (const unsigned char *)source + first * size;
    if (step_count > 0) {
      fw_convert_block(steps, step_count, part, doubles, taken, &scratch);
      part = doubles;
    }
    fw_conversion_kernels()->add_statistics(part, taken, scale, &total);
  }
  return total;
}

/// Which entry is for elements of so many bytes.
static int width_index(ptrdiff_t element_size) {
  return element_size == 8 ? 3 : element_size == 4 ? 2 : element_size == 2 ? 1 : 0;
}

int fw_all_finite(const void *source, ptrdiff_t count, ptrdiff_t element_size, uint64_t exponent) {
  return fw_conversion_kernels()->all_finite[width_index(element_size)](source, count, exponent);
}

void fw_swap_bytes(const void *source, void *target, ptrdiff_t count, ptrdiff_t element_size) {
  fw_conversion_kernels()->swap_bytes[width_index(element_size)](source, target, count);
}
