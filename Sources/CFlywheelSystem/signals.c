#include "CFlywheelSystem.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

// The only thing a handler may touch: lock-free and async-signal-safe.
static volatile sig_atomic_t pending = 0;

static void remember(int signal) {
  if (pending != 0) _exit(128 + signal);
  pending = signal;
}

// A signal that whoever started us wants ignored, as nohup and shells do, stays ignored.
static void take(int signal, const struct sigaction *action) {
  struct sigaction inherited;
  if (sigaction(signal, NULL, &inherited) == 0 && inherited.sa_handler == SIG_IGN) return;
  sigaction(signal, action, NULL);
}

void fw_signals_install(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = remember;
  sigemptyset(&action.sa_mask);
  // Reads and writes go on after the handler; training polls the flag between steps.
  action.sa_flags = SA_RESTART;
  take(SIGINT, &action);
  take(SIGTERM, &action);
  take(SIGHUP, &action);
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, NULL);
  sigaction(SIGPIPE, &action, NULL);
}

int fw_signals_pending(void) { return (int)pending; }
