#if defined(__x86_64__)
#define FW_REAL_IS_DOUBLE 1
#define FW_X86_LEVEL 3
#define FW_EXPORTED_TABLE fw_table_f64_v3
#include "template/kernels.h"
#endif
