// Which compiled copy of the kernels runs on this CPU, and the public functions that call it.

#include <stdatomic.h>
#include <string.h>

#include "table.h"

struct level {
  const char *name;
  const char *arithmetic;
  const struct fw_table_f32 *f32;
  const struct fw_table_f64 *f64;
  const struct fw_conversion_table *conversion;
  const struct fw_difference_table *difference;
};

// Best first; the last one runs everywhere.
static const struct level levels[] = {
#define TABLES(level) \
  &fw_table_f32_##level, &fw_table_f64_##level, &fw_conversion_##level, &fw_difference_##level
#if defined(__x86_64__)
    {"x86-64-v4", "fma", TABLES(v4)},
    {"x86-64-v3", "fma", TABLES(v3)},
    {"x86-64", "separate", TABLES(base)},
#elif defined(__aarch64__)
    {"arm64", "fma", TABLES(base)},
#else
    {"generic", "separate", TABLES(base)},
#endif
};

static int runs_here(const struct level *level) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (level == &levels[0]) return __builtin_cpu_supports("x86-64-v4");
  if (level == &levels[1]) return __builtin_cpu_supports("x86-64-v3");
#endif
  (void)level;
  return 1;
}

// Two threads may both find it empty: they then write the same pointer.
static _Atomic(const struct level *) selected;

static const struct level *current(void) {
  const struct level *level = atomic_load_explicit(&selected, memory_order_relaxed);
  if (__builtin_expect(level == NULL, 0)) {
    level = levels;
    while (!runs_here(level)) level++;
    atomic_store_explicit(&selected, level, memory_order_relaxed);
  }
  return level;
}

const char *fw_kernels_level(void) { return current()->name; }

const char *fw_kernels_arithmetic(void) { return current()->arithmetic; }

int fw_kernels_select(const char *name) {
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
    if (strcmp(levels[i].name, name) == 0 && runs_here(&levels[i])) {
      atomic_store_explicit(&selected, &levels[i], memory_order_relaxed);
      return 1;
    }
  }
  return 0;
}

const struct fw_conversion_table *fw_conversion_kernels(void) { return current()->conversion; }

const struct fw_difference_table *fw_difference_kernels(void) { return current()->difference; }

#define FW_REAL float
#define FW_TYPED(name) fw_##name##_f32
#define KERNELS (current()->f32)
#include "entry_points.h"
#undef FW_REAL
#undef FW_TYPED
#undef KERNELS

#define FW_REAL double
#define FW_TYPED(name) fw_##name##_f64
#define KERNELS (current()->f64)
#include "entry_points.h"
