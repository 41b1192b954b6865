// Makes one call of the operating system fail: the N-th that touches a file below a directory.
//
//   FAULT_BELOW=DIRECTORY  whose files count
//   FAULT_AT=N             the call to fail, counted from 1
//   FAULT_ERRNO=NUMBER     what it says, or 0: a write then takes only the first half of its bytes
//   FAULT_LOG=FILE         gets "CALL PATH" when the call was made
//
// Preloaded with LD_PRELOAD. It counts what a save calls, and nothing that only reads.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static atomic_long calls;

static int is_below(const char *path) {
  const char *root = getenv("FAULT_BELOW");
  return root != NULL && strncmp(path, root, strlen(root)) == 0;
}

static const char *path_of(int descriptor, char *buffer, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, buffer, size - 1);
  buffer[length < 0 ? 0 : length] = 0;
  return buffer;
}

// Whether this call is the one to fail.
static int is_chosen(const char *call, const char *path) {
  const char *at = getenv("FAULT_AT");
  if (at == NULL || !is_below(path) || atomic_fetch_add(&calls, 1) + 1 != atol(at)) return 0;
  int log = NEXT(open)(getenv("FAULT_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (log >= 0) {
    char line[4200];
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    if (NEXT(write)(log, line, length) != length) abort();
    NEXT(close)(log);
  }
  return 1;
}

static int fault(void) {
  const char *number = getenv("FAULT_ERRNO");
  return number == NULL ? EIO : atoi(number);
}

// Whether the call fails; a fault of 0 is one that only writes know.
static int fails(const char *call, const char *path) {
  if (!is_chosen(call, path) || fault() == 0) return 0;
  errno = fault();
  return 1;
}

static int fails_on(const char *call, int descriptor) {
  char path[4096];
  return fails(call, path_of(descriptor, path, sizeof path));
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  int writes = (flags & (O_CREAT | O_DIRECTORY | O_RDWR | O_WRONLY)) != 0;
  return writes && fails("open", path) ? -1 : NEXT(open)(path, flags, mode);
}

int mkdir(const char *path, mode_t mode) {
  return fails("mkdir", path) ? -1 : NEXT(mkdir)(path, mode);
}

int rename(const char *from, const char *to) {
  return fails("rename", to) ? -1 : NEXT(rename)(from, to);
}

int unlink(const char *path) { return fails("unlink", path) ? -1 : NEXT(unlink)(path); }

int flock(int descriptor, int operation) {
  return fails_on("flock", descriptor) ? -1 : NEXT(flock)(descriptor, operation);
}

int fsync(int descriptor) { return fails_on("fsync", descriptor) ? -1 : NEXT(fsync)(descriptor); }

int fdatasync(int descriptor) {
  return fails_on("fdatasync", descriptor) ? -1 : NEXT(fdatasync)(descriptor);
}

int ftruncate(int descriptor, off_t length) {
  return fails_on("ftruncate", descriptor) ? -1 : NEXT(ftruncate)(descriptor, length);
}

int fallocate(int descriptor, int mode, off_t offset, off_t length) {
  return fails_on("fallocate", descriptor) ? -1 : NEXT(fallocate)(descriptor, mode, offset, length);
}

// As Linux does it: the descriptor is gone whatever the call says.
int close(int descriptor) {
  int failed = fails_on("close", descriptor), error = errno;
  int status = NEXT(close)(descriptor);
  if (!failed) return status;
  errno = error;
  return -1;
}

// How many of the bytes a write may take; -1 if it fails.
static ssize_t allowance(const char *call, int descriptor, size_t count) {
  char path[4096];
  if (!is_chosen(call, path_of(descriptor, path, sizeof path))) return count;
  errno = fault();
  return errno != 0 ? -1 : (ssize_t)(count > 1 ? count / 2 : count);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
  ssize_t part = allowance("write", descriptor, count);
  return part < 0 ? -1 : NEXT(write)(descriptor, bytes, part);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
  ssize_t part = allowance("pwrite", descriptor, count);
  return part < 0 ? -1 : NEXT(pwrite)(descriptor, bytes, part, offset);
}
