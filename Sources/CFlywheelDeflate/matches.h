// Finds what of a segment came before.

#ifndef FW_MATCHES_H
#define FW_MATCHES_H

#include "blocks.h"

/// Finds runs: bytes that repeat the one before them, or the element before them.
void fw_find_runs(const uint8_t *bytes, size_t count, size_t element, struct fw_sequences *sequences);

#endif
