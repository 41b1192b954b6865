#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seconds on the clock and seconds of this process's CPU time.
struct Stopwatch {
  private let wall = Self.seconds(CLOCK_MONOTONIC)
  private let cpu = Self.seconds(CLOCK_PROCESS_CPUTIME_ID)

  struct Duration {
    let wall: Double
    let cpu: Double
  }

  /// What has passed since the stopwatch was made.
  var elapsed: Duration {
    let cpuNow = Self.seconds(CLOCK_PROCESS_CPUTIME_ID)
    return Duration(wall: Self.seconds(CLOCK_MONOTONIC) - wall, cpu: cpuNow - cpu)
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var now = timespec()
    unsafe clock_gettime(clock, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
  }
}
