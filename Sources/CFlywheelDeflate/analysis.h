// What bytes are like, from little of them: the questions that decide how a segment is compressed.
//
// All arithmetic is exact or rounded in one way only, so that every CPU comes to the same answer.

#ifndef FW_ANALYSIS_H
#define FW_ANALYSIS_H

#include <stddef.h>
#include <stdint.h>

/// The probability that two bytes of a sample are equal: 1/256 if all are equally likely.
double fw_collision(const uint8_t *bytes, size_t count);

/// Whether codes would save less than about one percent.
int fw_is_noise(double collision);

/// Whether two runs of bytes are so unlike that codes of their own save more than they cost.
int fw_are_unlike(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count);

/// How long a run of equal bytes has to be to be worth more than a code for each.
size_t fw_least_run(double collision);

/// Whether bytes repeat what came earlier more often than bytes drawn by lot with the same frequencies
/// would, runs aside. Cheap, and wrong at times: what says yes is tried in earnest.
/// `frequency` is that of the bytes, or null for noise.
int fw_has_repeats(const uint8_t *bytes, size_t count, size_t element, double collision,
                   const uint32_t *frequency);

#endif
