import FlywheelCore
import SystemPackage

/// A log of JSON objects, one a line.
struct JSONLines {
  /// The objects, in order.
  var objects: [JSONObject]
  /// How many whole lines are no objects.
  var damagedCount = 0

  /// Reads a log; what follows the last end of a line is still being written, and not looked at.
  init(reading file: FilePath) throws(FlywheelError) {
    self.init(try OpenFile.contents(of: file))
  }

  init(_ bytes: [UInt8]) {
    objects = []
    let end = bytes.lastIndex(of: UInt8(ascii: "\n")) ?? 0
    for line in bytes[..<end].split(separator: UInt8(ascii: "\n")) {
      if let value = try? JSONValue(parsing: Array(line)), let object = try? JSONObject(value) {
        objects.append(object)
      } else {
        damagedCount += 1
      }
    }
  }
}
