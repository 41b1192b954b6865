#ifndef FW_H5_LOADING_H
#define FW_H5_LOADING_H

// Loads libhdf5, unless it is linked, and starts it; once. Returns NULL, or why it is not there.
const char *fw_h5_load(void);

#endif
