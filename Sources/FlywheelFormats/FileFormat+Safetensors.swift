import FlywheelCore
import FlywheelSafetensors
import SystemPackage

extension FileFormat {
  /// Tensors behind a header of JSON: `SafetensorsFile`.
  public static let safetensors = FileFormat(
    name: "safetensors",
    identifier: "safetensors",
    suffixes: [".safetensors"],
    defaultCompression: nil,
    recognizes: { start in
      // The length of the header, and its first character; the zeros of the length are in no other format. Some
      // writers fill whole pages with spaces in front.
      let front = start.bytes(8)
      guard front.count == 8, front[4...].allSatisfy({ $0 == 0 }) else { return false }
      let text = start.bytes(1 << 12, at: 8)
      guard let first = text.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
        return !text.isEmpty
      }
      return first == UInt8(ascii: "{")
    },
    opens: { (path, _) throws(FlywheelError) in try SafetensorsFile(path: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try SafetensorsWriter(creating: path, durability: creation.durability)
    }
  )

  /// Several safetensors files that an index joins, in a directory: `SafetensorsShards`.
  public static let safetensorsShards = FileFormat(
    name: "safetensors shards",
    identifier: "safetensors_shards",
    suffixes: [".safetensors.index.json"],
    defaultCompression: nil,
    defaultShardByteCount: SafetensorsShardWriter.defaultShardByteCount,
    consistsOf: { SafetensorsShards.files(of: $0) },
    recognizes: { start in
      guard start.byteCount != nil else {
        return start.names.contains { name in
          !name.hasPrefix(".")
            && [".safetensors", ".safetensors.index.json"].contains { name.hasSuffix($0) }
        }
      }
      guard start.begins(with: Array("{".utf8)) else { return false }
      // Other libraries have such an index for files of other formats.
      let front = String(decoding: start.bytes(1 << 16), as: UTF8.self).filter { !$0.isWhitespace }
      return front.contains("\"weight_map\":{}")
        || front.contains("\"weight_map\":")
          && (front.contains(".safetensors\"")
            || start.path.string.hasSuffix(".safetensors.index.json"))
    },
    opens: { (path, _) throws(FlywheelError) in
      FileSystem.isDirectory(path)
        ? try SafetensorsShards.open(directory: path) : try SafetensorsShards(index: path)
    },
    creates: { (path, creation) throws(FlywheelError) in
      try SafetensorsShardWriter(
        creating: path,
        shardByteCount: creation.shardByteCount,
        durability: creation.durability
      )
    }
  )
}
