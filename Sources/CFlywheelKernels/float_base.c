#define FW_REAL_IS_FLOAT 1
#define FW_EXPORTED_TABLE fw_table_f32_base
#include "template/kernels.h"
