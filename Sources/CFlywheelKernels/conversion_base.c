#define FW_EXPORTED_TABLE fw_conversion_base
#include "template/conversion.h"
