import FlywheelCore
import FlywheelHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Saves and loads checkpoints and archives on command, so that each operation is measured in a warm process and
/// other programs' operations can come in between.
///
/// Each line of standard input is a JSON object (see `Request`); each is answered by one line, with the
/// seconds of every repetition, or with what went wrong.
@main
enum CheckpointWorker {
  static func main() {
    var operations = Operations()
    while let line = readLine() {
      print(String(decoding: answer(line, &operations).canonicalBytes, as: UTF8.self))
      fflush(nil)  // the other end waits for the line
    }
  }

  private static func answer(_ line: String, _ operations: inout Operations) -> JSONValue {
    do {
      let request = try Request(try JSONValue(parsing: Array(line.utf8)))
      let durations = try HDF5Implementation.$current.withValue(request.reader) {
        try operations.perform(request)
      }
      return [
        "wall": .array(durations.map { JSONValue($0.wall) }),
        "cpu": .array(durations.map { JSONValue($0.cpu) }),
      ]
    } catch {
      return ["error": JSONValue("\(error)")]
    }
  }
}
