#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A moment as checkpoints write it: UTC, in whole seconds, as RFC 3339 has it.
package enum Timestamp {
  /// The time of day.
  package static var now: String {
    var now = time(nil)
    var parts = unsafe tm()
    unsafe gmtime_r(&now, &parts)
    func padded(_ number: CInt, _ width: Int = 2) -> String {
      let text = String(number)
      return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
    let date = unsafe [
      padded(parts.tm_year + 1900, 4), padded(parts.tm_mon + 1), padded(parts.tm_mday),
    ]
    let clock = unsafe [padded(parts.tm_hour), padded(parts.tm_min), padded(parts.tm_sec)]
    return date.joined(separator: "-") + "T" + clock.joined(separator: ":") + "Z"
  }

  /// The seconds since 1970 of a text like `2026-01-02T03:04:05Z`; 0 if it is not of that form.
  ///
  /// Fields out of range are carried over, so that every text of the form has a place in order.
  package static func seconds(of text: String) -> Int {
    let fields = text.dropLast().split { "-T:".contains($0) }.compactMap { Int($0) }
    guard fields.count == 6, fields.allSatisfy({ (0...9999).contains($0) }) else { return 0 }
    // Days from the civil calendar, counted in years that start in March.
    let year = fields[1] > 2 ? fields[0] : fields[0] - 1
    let month = fields[1] > 2 ? fields[1] - 3 : fields[1] + 9
    let leapDays = floor(year, 4) - floor(year, 100) + floor(year, 400)
    let days = 365 * year + leapDays + (153 * month + 2) / 5 + fields[2] - 1 - 719_468
    return 86_400 * days + 3600 * fields[3] + 60 * fields[4] + fields[5]
  }

  private static func floor(_ dividend: Int, _ divisor: Int) -> Int {
    dividend >= 0 ? dividend / divisor : -((-dividend + divisor - 1) / divisor)
  }
}
