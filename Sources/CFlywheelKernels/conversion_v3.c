#if defined(__x86_64__)
#define FW_X86_LEVEL 3
#define FW_EXPORTED_TABLE fw_conversion_v3
#include "template/conversion.h"
#endif
