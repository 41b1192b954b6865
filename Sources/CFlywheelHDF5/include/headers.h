// Where HDF5's headers are. Not asked of pkg-config, which would also have libhdf5 linked; see loading.c.
#ifndef FW_H5_HEADERS_H
#define FW_H5_HEADERS_H

#if __has_include(<hdf5.h>)
#define FW_H5_HEADER(name) <name>
#elif __has_include(<hdf5/serial/hdf5.h>)  // Debian and its family
#define FW_H5_HEADER(name) <hdf5/serial/name>
#else
#error "There is no hdf5.h. Install libhdf5-dev, or name the folder that it is in: -Xcc -I/opt/hdf5/include"
#endif

#endif
