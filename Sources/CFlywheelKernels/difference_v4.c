#if defined(__x86_64__)
#define FW_X86_LEVEL 4
#define FW_EXPORTED_TABLE fw_difference_v4
#include "template/difference.h"
#endif
