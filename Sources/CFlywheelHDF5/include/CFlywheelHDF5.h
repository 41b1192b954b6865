// What Swift cannot say to libhdf5: macros that expand to calls, names that change between versions,
// one lock around the library, and a driver that keeps libhdf5 away from the file system.
#ifndef CFLYWHEEL_HDF5_H
#define CFLYWHEEL_HDF5_H

#include "headers.h"

#include FW_H5_HEADER(hdf5.h)
#include <stddef.h>
#include <stdint.h>

// Every other call in this header, and every call into libhdf5, lies between these two. The lock is
// recursive, so that a handle may be closed inside a call. Entering also stops libhdf5 from printing
// errors on this thread; the first time, it loads the library and sets it up.
void fw_h5_enter(void);
void fw_h5_leave(void);

// NULL, or why there is no libhdf5. Then nothing else of this header may be called, and nothing of libhdf5.
const char *fw_h5_missing(void);

// The error stack of this thread as lines, outermost frame first, and clears it. To be freed; may be NULL.
char *fw_h5_take_errors(void);

// Where libhdf5 reads and writes: memory of ours, or a descriptor of ours. Never a name, so that nothing
// can be exchanged between our looking and its opening; never a lock file; never a failing flush.
typedef struct fw_h5_store fw_h5_store;
fw_h5_store *fw_h5_store_reading(const void *bytes, size_t byte_count);
fw_h5_store *fw_h5_store_writing(int descriptor);
// Takes the space for so many bytes before the first is written, so that a full disk is known at once and
// the file lies in one piece. Does nothing where the system cannot.
void fw_h5_store_reserve(fw_h5_store *store, size_t byte_count);
// Writes bytes of a dataset where libhdf5 has put it.
void fw_h5_store_write(fw_h5_store *store, uint64_t offset, const void *bytes, size_t byte_count);
// The error number of the first write that failed, or 0. libhdf5 is not told: in the middle of a flush it
// could neither go on nor clean up. What it writes later goes nowhere.
int fw_h5_store_error(const fw_h5_store *store);
// From now on libhdf5 reaches neither the memory nor the descriptor.
void fw_h5_store_detach(fw_h5_store *store);
void fw_h5_store_release(fw_h5_store *store);

// Both return a file, or a negative number. Closing the file closes all that is open in it.
hid_t fw_h5_open(fw_h5_store *store);
hid_t fw_h5_create(fw_h5_store *store);

// The types of elements that Flywheel reads and writes.
typedef enum {
  FW_H5_UNREAD,
  FW_H5_BOOL,  // an enumeration of FALSE = 0 and TRUE = 1 on bytes, as h5py has it
  FW_H5_INT8,
  FW_H5_INT16,
  FW_H5_INT32,
  FW_H5_INT64,
  FW_H5_UINT8,
  FW_H5_UINT16,
  FW_H5_UINT32,
  FW_H5_UINT64,
  FW_H5_FLOAT8_E4M3FN,  // this and the two after the next are opaque bytes, as Keras has bfloat16
  FW_H5_FLOAT8_E5M2,
  FW_H5_FLOAT16,
  FW_H5_BFLOAT16,
  FW_H5_FLOAT32,
  FW_H5_FLOAT64,
  FW_H5_COMPLEX64,  // a compound of r and i, as h5py has it
  FW_H5_COMPLEX128,
  FW_H5_ELEMENT_COUNT
} fw_h5_element;

// The type of elements in our files; not to be closed. Little-endian ones are our memory types too.
hid_t fw_h5_type(fw_h5_element element, int is_big_endian);
// Creation properties: one set of each, shared, not to be closed; chunked ones are the caller's. The filters
// are applied in the order of the arguments; a level of 0 is no compression.
hid_t fw_h5_group_creation(void);
hid_t fw_h5_contiguous_creation(void);
hid_t fw_h5_new_chunked_creation(int rank, const hsize_t *chunk, int shuffles, int gzip_level,
                                 int has_checksums);
// A fixed-length UTF-8 string type, the caller's.
hid_t fw_h5_new_string_type(size_t byte_count);
// One whose bytes are said to be ASCII, which is what h5py gives back as bytes; and opaque bytes. The caller's.
hid_t fw_h5_new_byte_string_type(size_t byte_count);
hid_t fw_h5_new_opaque_type(size_t byte_count, const char *tag);

enum { FW_H5_MAX_RANK = 32, FW_H5_MAX_FILTERS = 32, FW_H5_MAX_TAG = 64 };

typedef struct {
  H5D_layout_t layout;
  uint64_t byte_offset;  // of contiguous bytes within the file, else UINT64_MAX
  int has_external_files;
  uint64_t compact_byte_count;  // what the header holds of a compact dataset
  int rank;  // negative if the dataset has no elements by declaration
  H5T_class_t type_class;
  size_t type_byte_count;
  fw_h5_element element;
  int is_big_endian;
  hid_t memory_type;  // what to read elements as, so that they are ours; not to be closed, may be 0
  // Of floating-point numbers that are not read: why not.
  size_t precision, exponent_bits, mantissa_bits, exponent_bias;
  int is_variable_text;
  H5T_cset_t character_set;
  char tag[FW_H5_MAX_TAG];  // of opaque bytes; empty if it is longer
  int chunk_rank, filter_count;
  uint64_t extents[FW_H5_MAX_RANK], chunk[FW_H5_MAX_RANK], filters[FW_H5_MAX_FILTERS];
} fw_h5_description;

// What a dataset is. Looks at the storage before the extents, since asking a virtual dataset for its
// extents may open other files.
int fw_h5_describe(hid_t dataset, fw_h5_description *result);

// What an attribute is: its type and extents.
int fw_h5_describe_attribute(hid_t attribute, fw_h5_description *result);

enum { FW_H5_MAX_TARGET = 65536 };

typedef struct {
  int is_hard_link;
  int link_type;    // H5L_type_t; above 64 another program's
  int object_type;  // H5O_type_t, for hard links
  uint64_t object;  // tells objects of one file apart
  size_t target_byte_count;  // of a soft or an external link
} fw_h5_member;

// Tells an open object from the others of its file, as fw_h5_member.object does; negative if it is damaged.
int fw_h5_identify(hid_t object, uint64_t *identity);

// Looks at one link without following it; negative if there is none.
int fw_h5_look(hid_t group, const char *name, fw_h5_member *result);

// Reads where a soft or an external link leads: for a soft one a path, for an external one a byte of flags,
// a file's name, a zero, and a path.
int fw_h5_target(hid_t group, const char *name, char *bytes, size_t byte_count);

// Calls visit with each name in a group, until it returns something else than 0: in the order in which they
// were added if the group knows it, else in that of their bytes.
typedef int (*fw_h5_visitor)(const char *name, void *context);
int fw_h5_names(hid_t group, fw_h5_visitor visit, void *context);

// Calls visit with the name of each attribute of an object, in the order of their bytes.
int fw_h5_attribute_names(hid_t object, fw_h5_visitor visit, void *context);

// Reads elements of a dataset: all, or count of them along each axis from offset on, each stride-th.
int fw_h5_read_all(hid_t dataset, hid_t memory_type, void *bytes);
int fw_h5_read_block(hid_t dataset, hid_t memory_type, int rank, const hsize_t *offset,
                     const hsize_t *stride, const hsize_t *count, void *bytes);

// Writes a chunk as it is to be in the file, with the filters that it did not go through.
int fw_h5_write_chunk(hid_t dataset, const hsize_t *offset, uint32_t skipped_filters, const void *bytes,
                      size_t byte_count);

// The type, the caller's, to read texts as: of fixed length their bytes, with zeros instead of other padding;
// of variable length references of FW_H5_REFERENCE_SIZE bytes to where in the file they are: the length in 4
// bytes, the address of a collection of the global heap in 8, an index there in 4; all little-endian. libhdf5
// is not asked to go there, since it trusts the heap's numbers: one wrong bit made it crash or never return.
enum { FW_H5_REFERENCE_SIZE = 16 };
hid_t fw_h5_new_text_type(const fw_h5_description *description);

// Adds a scalar text of variable length: the one kind that h5py gives back as text and not as bytes.
int fw_h5_add_variable_text(hid_t object, const char *name, const char *text);

#endif
