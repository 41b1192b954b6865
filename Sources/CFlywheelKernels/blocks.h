// What all that goes over elements block by block has in common.

#ifndef FW_BLOCKS_H
#define FW_BLOCKS_H

#include "table.h"

/// The elements of a block; part of how statistics and differences are defined.
enum { fw_block = 1024 };

/// What lies between two steps: no type in the middle of a route is wider than 8 bytes.
struct fw_scratch {
  _Alignas(64) unsigned char bytes[2][fw_block * 8];
};

/// Takes at most a block through steps; the last one writes to `target`. Returns as fw_convert does.
ptrdiff_t fw_convert_block(const fw_step *steps, ptrdiff_t step_count, const void *source,
                           void *target, ptrdiff_t count, struct fw_scratch *scratch);

#endif
