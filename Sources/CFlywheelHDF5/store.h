// Between the two C files of this target.
#ifndef FW_H5_STORE_H
#define FW_H5_STORE_H

#include "CFlywheelHDF5.h"

// Registers the driver and returns it.
hid_t fw_h5_register_driver(void);

// The store that the next file to be opened is in; guarded by the library's lock. Properties of the driver
// would be its usual way there, and are copied several times for each file.
extern fw_h5_store *fw_h5_opening;

#endif
