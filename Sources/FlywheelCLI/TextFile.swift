import FlywheelCore
import SystemPackage

/// A text that a command writes because it was asked to.
enum TextFile {
  /// Writes a file whole or not at all, and says so on standard error; `-` is standard output.
  ///
  /// - Parameters:
  ///   - text: What to write.
  ///   - name: The file.
  ///   - isQuiet: Whether to leave out that it was written.
  /// - Throws: `inputOutput`, or what says that there is a device or a directory: neither is replaced.
  static func write(
    _ text: String,
    to name: String,
    isQuiet: Bool = false
  ) throws(FlywheelError) {
    guard name != "-" else {
      Terminal.output.write(text)
      return
    }
    let path = FilePath(name)
    if FileSystem.exists(path) {
      let file = try OpenFile(readingAt: path)
      _ = try OpenFile.size(of: file.descriptor, path: path)
    }
    try AtomicFile.write(Array(text.utf8), to: path)
    if !isQuiet { Terminal.error.print("wrote \(name)") }
  }
}
