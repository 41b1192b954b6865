import FlywheelCore
import SystemPackage

/// The files in Tests/Fixtures/npy, made by `Tests/Python/make_npy_fixtures.py`.
enum Fixtures {
  /// Found from where this file lies.
  static let directory = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
    .appending("Fixtures").appending("npy")

  static let names = ((try? FileSystem.names(in: directory)) ?? []).map { String($0.dropLast(4)) }

  static func path(_ name: String) -> FilePath { directory.appending(name + ".npy") }

  static func bytes(_ name: String) throws -> [UInt8] {
    try OpenFile.contents(of: path(name))
  }
}

/// A .npy file of a header's text, of any version, and elements.
func npy(_ text: String, version: UInt8 = 1, then elements: [UInt8] = []) -> [UInt8] {
  npy(text: Array(text.utf8), version: version, then: elements)
}

/// A .npy file of a header's bytes, of any version, and elements.
func npy(text: [UInt8], version: UInt8 = 1, then elements: [UInt8] = []) -> [UInt8] {
  let length = (0..<(version == 1 ? 2 : 4)).map {
    UInt8(truncatingIfNeeded: text.count >> (8 * $0))
  }
  return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0] + length + text + elements
}

/// A .npy file of a type, extents and elements.
func npy(
  descr: String,
  order: String = "False",
  shape: String,
  then elements: [UInt8] = []
) -> [UInt8] {
  npy("{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }\n", then: elements)
}
