#define FW_REAL_IS_DOUBLE 1
#define FW_EXPORTED_TABLE fw_table_f64_base
#include "template/kernels.h"
