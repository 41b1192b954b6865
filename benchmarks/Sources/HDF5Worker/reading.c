#include "reading.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "failing.h"

enum { MAX_PATH = 4096, LARGE = 4 << 20, LARGE_PAGE = 2 << 20 };

typedef struct {
  listing found;
  bool loads;
  size_t length;
  char path[MAX_PATH];  // where we are; links that lead in a circle end where there is no room left
} walk;

// If it is much, in large pages where the system has them, as numpy asks for it.
static void *new_memory(size_t byte_count) {
  if (byte_count < LARGE) return present(malloc(byte_count > 0 ? byte_count : 1));
  void *memory = NULL;
  if (posix_memalign(&memory, LARGE_PAGE, byte_count) != 0) fail("There is no memory left.");
#if defined(__linux__)
  (void)madvise(memory, byte_count, MADV_HUGEPAGE);  // works without, too
#endif
  return memory;
}

static dataset *new_item(listing *listing) {
  if (listing->count == listing->room) {
    listing->room = listing->room > 0 ? 2 * listing->room : 64;
    listing->items = present(realloc(listing->items, listing->room * sizeof *listing->items));
  }
  return memset(&listing->items[listing->count++], 0, sizeof *listing->items);
}

static void describe_extents(hid_t object, dataset *item) {
  hid_t space = CHECKED(H5Dget_space(object));
  item->rank = (int)CHECKED(H5Sget_simple_extent_ndims(space));
  item->extents = new_memory(item->rank * sizeof *item->extents);
  CHECKED(H5Sget_simple_extent_dims(space, item->extents, NULL));
  hssize_t element_count = CHECKED(H5Sget_simple_extent_npoints(space));
  item->byte_count = item->element_byte_count * (size_t)element_count;
  CHECKED(H5Sclose(space));
}

// As they are in the file, so that libhdf5 has nothing to convert.
static void load(hid_t object, hid_t type, dataset *item) {
  bool is_number = item->type_class == H5T_INTEGER || item->type_class == H5T_FLOAT;
  if (!is_number || H5Tget_order(type) != H5Tget_order(H5T_NATIVE_INT))
    fail("Only numbers in this machine's order of bytes are loaded here.");
  item->elements = new_memory(item->byte_count);
  CHECKED(H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, item->elements));
}

static void add(hid_t object, walk *walk) {
  dataset *item = new_item(&walk->found);
  item->name = present(strdup(walk->path));
  hid_t type = CHECKED(H5Dget_type(object));
  item->type_class = (H5T_class_t)CHECKED(H5Tget_class(type));
  item->element_byte_count = H5Tget_size(type);
  if (item->element_byte_count == 0) fail("H5Tget_size(type)");
  describe_extents(object, item);
  if (walk->loads) load(object, type, item);
  CHECKED(H5Tclose(type));
}

static void append(walk *walk, const char *name) {
  size_t length = strlen(name), slash = walk->length > 0 ? 1 : 0;
  if (walk->length + slash + length >= MAX_PATH) fail("Groups are nested without an end.");
  if (slash) walk->path[walk->length] = '/';
  memcpy(walk->path + walk->length + slash, name, length + 1);
  walk->length += slash + length;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *context) {
  walk *walk = context;
  if (link->type != H5L_TYPE_HARD) fail("Only hard links are followed here.");
  size_t length = walk->length;
  append(walk, name);
  hid_t object = CHECKED(H5Oopen(group, name, H5P_DEFAULT));
  H5I_type_t kind = H5Iget_type(object);
  if (kind == H5I_DATASET)
    add(object, walk);
  else if (kind == H5I_GROUP)
    CHECKED(H5Literate(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, walk));
  else
    fail("Only groups and datasets are known here.");
  CHECKED(H5Oclose(object));
  walk->length = length;
  return 0;
}

listing read_file(const char *path, bool loads) {
  walk walk = {.loads = loads};
  hid_t file = CHECKED(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
  CHECKED(H5Literate(file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &walk));
  CHECKED(H5Fclose(file));
  return walk.found;
}

void release(listing *listing) {
  for (size_t index = 0; index < listing->count; ++index) {
    free(listing->items[index].name);
    free(listing->items[index].extents);
    free(listing->items[index].elements);
  }
  free(listing->items);
}
