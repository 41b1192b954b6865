#define _GNU_SOURCE  // sched_getaffinity
#include <unistd.h>

#if defined(__linux__)
#include <sched.h>
#endif

#include "CFlywheelSystem.h"

int fw_processor_count(void) {
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 && CPU_COUNT(&allowed) > 0)
    return CPU_COUNT(&allowed);
#endif
  const long count = sysconf(_SC_NPROCESSORS_ONLN);
  return count > 0 ? (int)count : 1;
}
