#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Numbers as people read them; without Foundation, which would triple the start-up time.
enum Formatting {
  /// A number with a fixed count of decimals, for example `0.1253`.
  static func fixed(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite, value.magnitude < 1e15 else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    let digits = String(UInt64(scaled))
    let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.utf8.count)) + digits
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard decimals > 0 else { return sign + padded }
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }

  /// A number as it is if it is short, or else with six significant digits.
  static func short(_ value: Double) -> String {
    let whole = "\(value)"
    return whole.utf8.count <= 8 ? whole : significant(value, 6)
  }

  /// A number with so many significant digits, for example `-0.01563` or `1.2e+06`.
  static func significant(_ value: Double, _ digits: Int32) -> String {
    var text = [CChar](repeating: 0, count: 64)
    let count = unsafe withVaList([digits, value]) { arguments in
      unsafe vsnprintf(&text, text.count, "%.*g", arguments)
    }
    return String(decoding: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// A number with so many significant digits in as few columns as they need, for example `1.2e6`.
  static func compact(_ value: Double, _ digits: Int32) -> String {
    let parts = significant(value, digits).split(separator: "e")
    guard parts.count == 2, let exponent = Int(parts[1]) else { return parts.joined() }
    return "\(parts[0])e\(exponent)"
  }

  /// A share as a percentage, for example `96.43 %`.
  static func percent(_ share: Double) -> String { fixed(100 * share, 2) + " %" }

  /// A whole number with separators, for example `60,000`.
  static func grouped(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var groups: [Substring] = []
    while digits.utf8.count > 3 {
      groups.insert(digits.suffix(3), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits[...]] + groups).joined(separator: ",")
  }

  /// A number of things, for example `1 array` or `2,000 arrays`.
  static func count(_ number: Int, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
  }

  /// A number of bytes, for example `0.64 MB`.
  static func bytes(_ count: Int) -> String {
    switch count {
    case ..<1000: "\(count) B"
    case ..<1_000_000: fixed(Double(count) / 1e3, 1) + " kB"
    case ..<1_000_000_000: fixed(Double(count) / 1e6, 1) + " MB"
    default: fixed(Double(count) / 1e9, 2) + " GB"
    }
  }

  /// A time to go, for example `4 s` or `2 min 05 s`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e7 else { return "…" }
    let whole = Int(seconds.rounded(.up))
    switch whole {
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(twoDigits(whole % 60)) s"
    default: return "\(whole / 3600) h \(twoDigits(whole % 3600 / 60)) min"
    }
  }

  /// Text filled up with spaces on the right.
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Text filled up with spaces on the left.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Text without the spaces at its end.
  static func trimmed(_ text: some BidirectionalCollection<Character>) -> String {
    String(text.reversed().drop { $0 == " " }.reversed())
  }

  /// Text of at most so many columns, its middle left out if it has more: names differ at both ends.
  static func shortened(_ text: String, to columns: Int) -> String {
    // No text has more characters than bytes, which are faster to count.
    guard text.utf8.count > columns, text.count > columns else { return text }
    let kept = max(0, columns - 1)
    return text.prefix(kept / 2) + "…" + text.suffix(kept - kept / 2)
  }

  /// A name from a file on one line that one can read: files may have names of any length, with any characters.
  static func name(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "\n")) else { return shortened(text, to: 200) }
    return shortened(text.unicodeScalars.map { $0 == "\n" ? "\\n" : String($0) }.joined(), to: 200)
  }

  /// Phrases with commas between, in lines of at most so many columns; those after the first are indented
  /// as far as `start` reaches, unless that is far.
  static func wrapped(
    _ phrases: [String],
    after start: String,
    columns: Int = 80
  ) -> [String] {
    var lines: [String] = []
    var line = start
    var isEmpty = true
    for (index, phrase) in phrases.enumerated() {
      let text = index == phrases.count - 1 ? phrase : phrase + ","
      if !isEmpty, line.count + 1 + text.count > columns {
        lines.append(line)
        line = String(repeating: " ", count: min(start.count, 12))
        isEmpty = true
      }
      line += isEmpty ? text : " " + text
      isEmpty = false
    }
    return lines + [line]
  }

  /// Words in lines of at most 80 columns, all but the first indented by so much more.
  static func paragraph(_ text: String, indent: Int, hanging: Int = 0) -> [String] {
    var lines: [String] = []
    var line = String(repeating: " ", count: indent)
    var isEmpty = true
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      if !isEmpty, line.count + 1 + word.count > 80 {
        lines.append(line)
        line = String(repeating: " ", count: indent + hanging)
        isEmpty = true
      }
      line += isEmpty ? String(word) : " " + word
      isEmpty = false
    }
    return lines + [line]
  }

  private static func twoDigits(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
