import FlywheelConvert
import FlywheelCore
import SystemPackage

extension MapRule {
  /// The rules of a JSON file.
  ///
  /// - Throws: What reading and `list` throw, with the path.
  static func list(inFile name: String) throws(FlywheelError) -> [MapRule] {
    let path = FilePath(name)
    return try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      try list(try JSONValue(parsing: try OpenFile.contents(of: path)))
    }
  }
}
