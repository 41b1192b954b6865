/// Text as it is typed into a shell.
enum ShellWord {
  /// The text, quoted if a shell would read it as anything but itself.
  static func quoted(_ text: String) -> String {
    // A word that starts with a dash would be read as a flag.
    let word = text.hasPrefix("-") ? "./" + text : text
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "/._-+=:,@".utf8.contains(byte)
      }
    }
    if isPlain && !word.isEmpty { return word }
    return "'"
      + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
      + "'"
  }
}
