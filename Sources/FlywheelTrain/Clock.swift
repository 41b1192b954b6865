#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The clocks that training reports by; no result of training depends on them.
enum Clock {
  /// Seconds since some moment, never going back.
  static var monotonic: Double { seconds(CLOCK_MONOTONIC) }
  /// Seconds of CPU time of this process.
  static var cpu: Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

  private static func seconds(_ clock: clockid_t) -> Double {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }
}
