#include "failing.h"

#include <stdio.h>
#include <stdlib.h>

void fail(const char *reason) {
  printf("{\"error\": \"%s\"}\n", reason);
  fflush(stdout);
  _Exit(EXIT_FAILURE);  // exit would have libhdf5 clean up in the middle of a call, where it crashes
}

int64_t checked(int64_t result, const char *call) {
  if (result < 0) fail(call);
  return result;
}

void *present(void *memory) {
  if (memory == NULL) fail("There is no memory left.");
  return memory;
}
