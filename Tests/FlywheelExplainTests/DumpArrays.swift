import FlywheelCore
import FlywheelFormats
import FlywheelTestSupport
import OrderedCollections
import SystemPackage

/// Arrays that a trainer dumps into one file.
struct DumpArrays {
  var tensors: OrderedDictionary<String, Tensor> = [:]

  /// Arrays that hold nothing of interest, by name and shape.
  init(_ shapes: KeyValuePairs<String, [Int]>, from start: Double = 0.5) throws {
    for (place, (name, extents)) in shapes.enumerated() {
      let shape = try Shape(extents)
      let values = (0..<shape.elementCount).map { start + Double(place) + 0.25 * Double($0) }
      tensors[name] = try Tensor(values, shape: shape)
    }
  }

  /// Writes them.
  func write(to name: String, in directory: TemporaryDirectory) throws -> FilePath {
    let path = directory.path.appending(name)
    let writer = try FileFormat.of(name: name).create(path, durability: .cached)
    for (key, tensor) in tensors { try writer.write(tensor, under: key) }
    try writer.finish()
    return path
  }
}
