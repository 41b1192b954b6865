import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Standard output or standard error: where the command line prints, and the only place that does.
struct Terminal: Sendable {
  private let descriptor: CInt

  static let output = Terminal(descriptor: STDOUT_FILENO)
  static let error = Terminal(descriptor: STDERR_FILENO)

  /// Whether a person is looking.
  var isInteractive: Bool { isatty(descriptor) == 1 }

  /// Whether it wants colours: a person is looking, and has not said otherwise (no-color.org).
  var hasColors: Bool {
    isInteractive && Self.variable("NO_COLOR") == nil && Self.variable("TERM") != "dumb"
  }

  /// Whether the locale says that text is UTF-8, by the variables that say so, in their order.
  static var isUTF8: Bool {
    let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
    return locale.lowercased().filter { $0 != "-" }.hasSuffix("utf8")
  }

  /// A variable of the environment; nil if it is empty, too.
  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The number of columns; 80 if there is no telling.
  var width: Int {
    var size = winsize()
    let known = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
    return known && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  /// Writes text at once, unbuffered.
  ///
  /// Training goes on when nobody reads what it says any more; what a command prints as its result must
  /// not be lost in silence, so that standard output ends the process if it cannot be written.
  func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Musl)
          unsafe Musl.write(descriptor, buffer.baseAddress, buffer.count)
        #elseif canImport(Darwin)
          unsafe Darwin.write(descriptor, buffer.baseAddress, buffer.count)
        #endif
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        if descriptor == STDOUT_FILENO { endForLostOutput() }
        return
      }
      rest = rest.dropFirst(count)
    }
  }

  private func endForLostOutput() {
    let reason = Errno(rawValue: errno)
    // A reader that has seen enough, such as head, is no trouble.
    if reason == .brokenPipe { exit(ExitStatus.trouble.rawValue) }
    Terminal.error.print("error: Could not write to standard output: \(reason).")
    exit(ExitStatus.trouble.rawValue)
  }

  /// Writes a line, or lines; what a terminal would obey instead of show is escaped.
  func print(_ text: String = "") {
    write(Self.shown(text) + "\n")
  }

  /// Writes lines, all of them at once: there can be tens of thousands.
  func print(_ lines: [String]) {
    if !lines.isEmpty { print(lines.joined(separator: "\n")) }
  }

  /// Text as it may be shown: names come from files, and a terminal obeys some characters.
  static func shown(_ text: String) -> String {
    // Nearly all text, which need not be looked up in Unicode's tables.
    if isPlain(Array(text.utf8)) { return text }
    var shown = ""
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control where scalar != "\n", .format, .lineSeparator, .paragraphSeparator:
        shown += scalar.escaped(asASCII: true)
      default: shown.unicodeScalars.append(scalar)
      }
    }
    return shown
  }

  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { (0x20..<0x7F).contains($0) || $0 == UInt8(ascii: "\n") }
  }
}
