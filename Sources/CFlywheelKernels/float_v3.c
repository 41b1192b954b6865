#if defined(__x86_64__)
#define FW_REAL_IS_FLOAT 1
#define FW_X86_LEVEL 3
#define FW_EXPORTED_TABLE fw_table_f32_v3
#include "template/kernels.h"
#endif
