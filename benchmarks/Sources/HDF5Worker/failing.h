// Whatever goes wrong ends the worker, with the reason as its last answer.
#ifndef FAILING_H
#define FAILING_H

#include <stdint.h>

// The reason must need no escapes in JSON.
_Noreturn void fail(const char *reason);

// What libhdf5 answered, which is negative if it failed; what it says of that goes to standard error.
int64_t checked(int64_t result, const char *call);
#define CHECKED(call) checked((call), #call)

// Memory that was asked for, which may not be NULL.
void *present(void *memory);

#endif
