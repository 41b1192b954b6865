#include <stddef.h>
#include <stdint.h>

/// Changes bytes as libFuzzer would without a mutator of the target's own; gives their number then.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
