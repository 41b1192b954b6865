// libhdf5 at its first use.
//
// It brings a lot along, Debian's more than twenty libraries with curl and Kerberos among them. Linked, they
// cost every process 5 ms at its start, and most never open an HDF5 file. So on Linux nothing is linked:
// this file has a function of each name that Flywheel calls, which hands on to libhdf5's own, and a variable
// for each that HDF5's macros stand for. All that calls libhdf5 is as it would be otherwise.
//
// To link libhdf5 after all, for example into one file that needs no other, define FW_H5_LINKED:
// swift build -Xcc -DFW_H5_LINKED -Xlinker -lhdf5, and what else libhdf5.a asks for.
#include "headers.h"

#if defined(__linux__) && !defined(FW_H5_LINKED)

// Hidden, all of them: libhdf5 calls its own functions by these names, and must not get to ours.
#include FW_H5_HEADER(H5api_adpt.h)
#undef H5_DLL
#undef H5_DLLVAR
#define H5_DLL __attribute__((visibility("hidden")))
#define H5_DLLVAR extern __attribute__((visibility("hidden")))
#include FW_H5_HEADER(hdf5.h)
#if H5_VERSION_GE(1, 13, 0)
#include FW_H5_HEADER(H5FDdevelop.h)
#endif

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "loading.h"

// MARK: libhdf5's functions

static struct {
#define FUNCTION(result, name, ...) __typeof__(&name) name;
#include "functions.h"
#undef FUNCTION
} library;

#define PARAMETERS_0() void
#define PARAMETERS_1(A) A a
#define PARAMETERS_2(A, B) A a, B b
#define PARAMETERS_3(A, B, C) A a, B b, C c
#define PARAMETERS_4(A, B, C, D) A a, B b, C c, D d
#define PARAMETERS_5(A, B, C, D, E) A a, B b, C c, D d, E e
#define PARAMETERS_6(A, B, C, D, E, F) A a, B b, C c, D d, E e, F f
#define PARAMETERS_7(A, B, C, D, E, F, G) A a, B b, C c, D d, E e, F f, G g
#define PARAMETERS_8(A, B, C, D, E, F, G, H) A a, B b, C c, D d, E e, F f, G g, H h
#define ARGUMENTS_0
#define ARGUMENTS_1 a
#define ARGUMENTS_2 a, b
#define ARGUMENTS_3 a, b, c
#define ARGUMENTS_4 a, b, c, d
#define ARGUMENTS_5 a, b, c, d, e
#define ARGUMENTS_6 a, b, c, d, e, f
#define ARGUMENTS_7 a, b, c, d, e, f, g
#define ARGUMENTS_8 a, b, c, d, e, f, g, h

#define FUNCTION(result, name, count, ...) \
  result name(PARAMETERS_##count(__VA_ARGS__)) { return library.name(ARGUMENTS_##count); }
#include "functions.h"
#undef FUNCTION

// HDF5's macros call it. It ends the process when header and library are not of the very same release;
// within one series they go together, and that is looked at below.
herr_t H5check_version(unsigned major, unsigned minor, unsigned release) {
  (void)major, (void)minor, (void)release;
  return 0;
}

#define VARIABLE(name) hid_t name;
#include "functions.h"
#undef VARIABLE

// MARK: Loading

// The names that the library of the headers' series goes by, Debian's first.
static const char *const candidates[] = {
#if H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 10
    "libhdf5_serial.so.103", "libhdf5.so.103",
#elif H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 12
    "libhdf5_serial.so.200", "libhdf5.so.200",
#elif H5_VERS_MAJOR == 1 && H5_VERS_MINOR == 14
    "libhdf5_serial.so.310", "libhdf5.so.310",
#elif H5_VERS_MAJOR == 2
    "libhdf5_serial.so.320", "libhdf5.so.320",
#endif
    "libhdf5.so",
};

static int find(void *handle, const char *name, void *place) {
  void *symbol = dlsym(handle, name);
  if (symbol == NULL) return -1;
  memcpy(place, &symbol, sizeof symbol);
  return 0;
}

static int find_functions(void *handle) {
#define FUNCTION(result, name, ...) \
  if (find(handle, #name, &library.name) < 0) return -1;
#include "functions.h"
#undef FUNCTION
  return 0;
}

// They have their values when libhdf5 has started, and keep them.
static int copy_variables(void *handle) {
  const hid_t *value;
#define VARIABLE(name)                            \
  if (find(handle, #name, &value) < 0) return -1; \
  name = *value;
#include "functions.h"
#undef VARIABLE
  return 0;
}

// Returns NULL, or why it cannot be used. What has been started stays loaded until the process ends.
static const char *load(const char *name) {
  void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (handle == NULL || find_functions(handle) < 0) return dlerror();
  H5dont_atexit();
  static char reason[256];
  snprintf(reason, sizeof reason, "%s: H5open failed", name);
  if (H5open() < 0) return reason;
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  snprintf(reason, sizeof reason, "%s: this is HDF5 %u.%u.%u", name, major, minor, release);
  if (major != H5_VERS_MAJOR || minor != H5_VERS_MINOR) return reason;
  return copy_variables(handle) < 0 ? dlerror() : NULL;
}

const char *fw_h5_load(void) {
  static char reasons[2048];
  for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++) {
    const char *reason = load(candidates[i]);
    if (reason == NULL) return NULL;
    size_t length = strlen(reasons);
    snprintf(reasons + length, sizeof reasons - length, "%s%s", i == 0 ? "" : "; ", reason);
  }
  return reasons;
}

#else

#include FW_H5_HEADER(hdf5.h)

#include "loading.h"

const char *fw_h5_load(void) {
  H5dont_atexit();
  return H5open() < 0 ? "H5open failed" : NULL;
}

#endif
