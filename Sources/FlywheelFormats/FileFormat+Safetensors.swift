import FlywheelCore
import FlywheelSafetensors

extension FileFormat {
  /// Tensors behind a header of JSON: `SafetensorsFile`.
  public static let safetensors = FileFormat(
    name: "safetensors",
    identifier: "safetensors",
    suffixes: [".safetensors"],
    defaultCompression: nil,
    hasChecksums: false,
    recognizes: { start in
      // The length of the header, and its first character; the zeros of the length are in no other format.
      let front = start.bytes(8)
      guard front.count == 8, front[4...].allSatisfy({ $0 == 0 }) else { return false }
      let text = start.bytes(1 << 12, at: 8)
      return text.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    },
    opens: { (path, _) throws(FlywheelError) in try SafetensorsFile(path: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try SafetensorsWriter(creating: path, durability: creation.durability)
    }
  )
}
