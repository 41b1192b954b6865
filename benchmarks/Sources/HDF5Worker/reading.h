// What is in an HDF5 file, by libhdf5 alone.
#ifndef READING_H
#define READING_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct {
  char *name;  // the path within the file
  H5T_class_t type_class;
  size_t element_byte_count, byte_count;
  int rank;
  hsize_t *extents;
  void *elements;  // NULL if it is only listed
} dataset;

typedef struct {
  dataset *items;
  size_t count, room;
} listing;

// Opens a file, lists every dataset that its groups lead to, reads the elements if it is to, and closes it.
listing read_file(const char *path, bool loads);
void release(listing *listing);

#endif
