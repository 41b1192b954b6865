#define _GNU_SOURCE  // fallocate; the portable call writes every block where the system cannot reserve
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if H5_VERSION_GE(1, 13, 0)
#include FW_H5_HEADER(H5FDdevelop.h)
#endif

struct fw_h5_store {
  int references;  // ours, and one per open file of libhdf5; guarded by the library's lock
  const unsigned char *bytes;
  size_t byte_count;
  int descriptor;  // negative when there is none
  int error;
  int is_reserved;  // the file may be longer than what is written
};

typedef struct {
  H5FD_t base;  // first, since libhdf5 knows only this
  fw_h5_store *store;
  haddr_t allocated;
  haddr_t end;
} fw_h5_file;

static fw_h5_store *new_store(const void *bytes, size_t byte_count, int descriptor) {
  fw_h5_store *store = calloc(1, sizeof *store);
  if (store == NULL) return NULL;
  store->references = 1;
  store->bytes = bytes;
  store->byte_count = byte_count;
  store->descriptor = descriptor;
  return store;
}

fw_h5_store *fw_h5_store_reading(const void *bytes, size_t byte_count) {
  return new_store(bytes, byte_count, -1);
}

fw_h5_store *fw_h5_store_writing(int descriptor) { return new_store(NULL, 0, descriptor); }

void fw_h5_store_reserve(fw_h5_store *store, size_t byte_count) {
#if defined(__linux__)
  int status;
  do status = fallocate(store->descriptor, 0, 0, byte_count);
  while (status != 0 && errno == EINTR);
  if (status == 0)
    store->is_reserved = 1;
  else if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
    store->error = errno;
#else
  (void)store, (void)byte_count;
#endif
}

int fw_h5_store_error(const fw_h5_store *store) { return store->error; }

void fw_h5_store_detach(fw_h5_store *store) {
  store->bytes = NULL;
  store->byte_count = 0;
  store->descriptor = -1;
}

void fw_h5_store_release(fw_h5_store *store) {
  if (--store->references == 0) free(store);
}

fw_h5_store *fw_h5_opening;

static H5FD_t *open_file(const char *name, unsigned flags, hid_t access, haddr_t limit) {
  (void)name, (void)flags, (void)access, (void)limit;
  fw_h5_file *file = fw_h5_opening == NULL ? NULL : calloc(1, sizeof *file);
  if (file == NULL) return NULL;
  file->store = fw_h5_opening;
  file->end = file->store->byte_count;
  file->store->references++;
  return &file->base;
}

static herr_t close_file(H5FD_t *base) {
  fw_h5_file *file = (fw_h5_file *)base;
  fw_h5_store_release(file->store);
  free(file);
  return 0;
}

static herr_t query(const H5FD_t *base, unsigned long *flags) {
  // libhdf5 also asks the class, without a file. Memory needs no buffers before it.
  const fw_h5_file *file = (const fw_h5_file *)base;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA |
           H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  if (file == NULL || file->store->bytes == NULL) *flags |= H5FD_FEAT_ACCUMULATE_METADATA;
  return 0;
}

// Elements start at a cache line. libhdf5 could see to that, but would remember the gaps, and look through
// all of them for each small dataset.
static haddr_t allocate(H5FD_t *base, H5FD_mem_t type, hid_t transfer, hsize_t byte_count) {
  (void)transfer;
  fw_h5_file *file = (fw_h5_file *)base;
  haddr_t address = file->allocated;
  if (type == H5FD_MEM_DRAW) address += -address % 64;
  if (byte_count > INT64_MAX - address) return HADDR_UNDEF;
  file->allocated = address + byte_count;
  return address;
}

static haddr_t allocated(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const fw_h5_file *)base)->allocated;
}

static herr_t set_allocated(H5FD_t *base, H5FD_mem_t type, haddr_t address) {
  (void)type;
  ((fw_h5_file *)base)->allocated = address;
  return 0;
}

static haddr_t end_of_file(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const fw_h5_file *)base)->end;
}

static herr_t read_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                         void *buffer) {
  (void)type, (void)transfer;
  fw_h5_file *file = (fw_h5_file *)base;
  fw_h5_store *store = file->store;
  if (address > file->end || count > file->end - address) return -1;
  if (store->bytes != NULL) {
    memcpy(buffer, store->bytes + address, count);
    return 0;
  }
  // A writer reads back what its cache has let go of; after a failed write that is not there any more.
  if (store->descriptor < 0 || store->error != 0) return -1;
  for (size_t done = 0; done < count;) {
    ssize_t got = pread(store->descriptor, (char *)buffer + done, count - done, address + done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) {  // allocated, not yet written
      memset((char *)buffer + done, 0, count - done);
      return 0;
    }
    done += got;
  }
  return 0;
}

void fw_h5_store_write(fw_h5_store *store, uint64_t offset, const void *bytes, size_t byte_count) {
  for (size_t done = 0; done < byte_count && store->descriptor >= 0 && store->error == 0;) {
    // Systems refuse or cut short what is larger than 2 GiB.
    size_t part = byte_count - done < (1u << 30) ? byte_count - done : 1u << 30;
    ssize_t put = pwrite(store->descriptor, (const char *)bytes + done, part, offset + done);
    if (put > 0)
      done += put;
    else if (put == 0 || errno != EINTR)
      store->error = put == 0 ? EIO : errno;
  }
}

static herr_t write_bytes(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t count,
                          const void *buffer) {
  (void)type, (void)transfer;
  fw_h5_file *file = (fw_h5_file *)base;
  if (address + count > file->end) file->end = address + count;
  fw_h5_store_write(file->store, address, buffer, count);
  return 0;
}

static herr_t truncate_file(H5FD_t *base, hid_t transfer, hbool_t closing) {
  (void)transfer, (void)closing;
  fw_h5_file *file = (fw_h5_file *)base;
  fw_h5_store *store = file->store;
  if (store->bytes != NULL || (file->end == file->allocated && !store->is_reserved)) return 0;
  file->end = file->allocated;
  if (store->descriptor >= 0 && store->error == 0 && ftruncate(store->descriptor, file->end) != 0)
    store->error = errno;
  return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 0x4657,  // numbers from 256 on are for use without registration with the HDF Group
#endif
    .name = "flywheel",
    .maxaddr = INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .open = open_file,
    .close = close_file,
    .query = query,
    .alloc = allocate,
    .get_eoa = allocated,
    .set_eoa = set_allocated,
    .get_eof = end_of_file,
    .read = read_bytes,
    .write = write_bytes,
    .truncate = truncate_file,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t fw_h5_register_driver(void) { return H5FDregister(&driver); }
