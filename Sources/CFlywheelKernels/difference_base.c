#define FW_EXPORTED_TABLE fw_difference_base
#include "template/difference.h"
