// What Swift cannot say: an async-signal-safe handler, and a macro that counts processors.
#ifndef CFLYWHEEL_SYSTEM_H
#define CFLYWHEEL_SYSTEM_H

// From now on the first SIGINT or SIGTERM is only remembered; the second one ends the process at once
// with 128 + the signal's number. SIGXFSZ and SIGPIPE are ignored: a write beyond the file-size limit
// fails with EFBIG like any other failing write, and training does not end with the pager that watched.
void fw_signals_install(void);

// The signal that was remembered, or 0.
int fw_signals_pending(void);

// How many processors this process may run on, at least 1; on Linux `taskset` lowers it.
int fw_processor_count(void);

#endif
