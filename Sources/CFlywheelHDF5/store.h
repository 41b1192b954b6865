// Between the two C files of this target.
#ifndef FW_H5_STORE_H
#define FW_H5_STORE_H

#include "CFlywheelHDF5.h"

// Registers the driver and returns it.
hid_t fw_h5_register_driver(void);

#endif
