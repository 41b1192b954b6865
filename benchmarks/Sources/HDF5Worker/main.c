// Lists and loads HDF5 files on command with libhdf5 and nothing else: what its callers in other languages
// add to that shows beside it.
//
// Speaks as CheckpointWorker does: each line of standard input is a request, and is answered by one line with
// the seconds of every repetition, how many datasets there are, and how many bytes their elements have.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "failing.h"
#include "reading.h"
#include "request.h"

typedef struct {
  double wall, cpu;
} seconds;

static double read_clock(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) fail("There is no clock.");
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static seconds now(void) {
  return (seconds){read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_PROCESS_CPUTIME_ID)};
}

// What is read is released after the clock.
static listing measure(const request *request, seconds *spent) {
  seconds start = now();
  listing listing = read_file(request->path, request->operation == LOAD);
  seconds end = now();
  *spent = (seconds){end.wall - start.wall, end.cpu - start.cpu};
  return listing;
}

static size_t sum_of_bytes(const listing *listing) {
  size_t sum = 0;
  for (size_t index = 0; index < listing->count; ++index) sum += listing->items[index].byte_count;
  return sum;
}

static void print_answer(const seconds *spent, int count, size_t datasets, size_t bytes) {
  printf("{\"wall\": [");
  for (int index = 0; index < count; ++index) printf(index > 0 ? ", %.9f" : "%.9f", spent[index].wall);
  printf("], \"cpu\": [");
  for (int index = 0; index < count; ++index) printf(index > 0 ? ", %.9f" : "%.9f", spent[index].cpu);
  printf("], \"count\": %zu, \"bytes\": %zu}\n", datasets, bytes);
  if (ferror(stdout) || fflush(stdout) != 0) exit(EXIT_FAILURE);  // nobody is left to be told
}

static void answer(const char *line) {
  request request = parse_request(line);
  seconds *spent = present(calloc(request.count, sizeof *spent));
  size_t datasets = 0, bytes = 0;
  for (int index = 0; index < request.count; ++index) {
    listing listing = measure(&request, &spent[index]);
    datasets = listing.count;
    bytes = sum_of_bytes(&listing);
    release(&listing);
  }
  print_answer(spent, request.count, datasets, bytes);
  free(spent);
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  CHECKED(H5open());
  while (getline(&line, &room, stdin) > 0) answer(line);
  if (ferror(stdin)) fail("The requests cannot be read.");
  free(line);
  return EXIT_SUCCESS;
}
