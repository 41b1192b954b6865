#if defined(__x86_64__)
#define FW_X86_LEVEL 4
#define FW_EXPORTED_TABLE fw_conversion_v4
#include "template/conversion.h"
#endif
