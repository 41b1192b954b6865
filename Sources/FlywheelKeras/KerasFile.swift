package import FlywheelCore
import FlywheelHDF5
import FlywheelZip
public import SystemPackage

/// How files of Keras are told from others.
public enum KerasFile {
  /// Whether a file or a directory is one of Keras that `KerasArchiveReader` opens, or refuses by name.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: Whether it is; false for what cannot be opened.
  public static func recognizes(_ path: FilePath) -> Bool {
    (try? Kind(of: path)) != nil
  }

  /// As the general function, of a file that is mapped already.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - path: Where it is.
  /// - Returns: Whether it is one of Keras.
  package static func recognizes(_ file: TensorStorage, at path: FilePath) -> Bool {
    (try? Kind(of: file, at: path)) != nil
  }

  /// What a file of Keras is.
  enum Kind {
    /// A .keras file: a zip archive.
    case archive
    /// The same, unpacked.
    case directory
    /// An HDF5 file with a list of layers.
    case legacy
    /// A .weights.json, which says in which HDF5 files the variables are.
    case shards
    /// What another program saves of a Keras model.
    case other(String)

    /// Looks at a file or a directory; nil if it is none of Keras.
    init?(of path: FilePath) throws(FlywheelError) {
      guard !FileSystem.isDirectory(path) else {
        guard let kind = Kind(holding: try FileSystem.names(in: path), Kind.directory) else {
          return nil
        }
        self = kind
        return
      }
      let file = TensorStorage(mapping: try MappedFile(path: path))
      guard let kind = try Kind(of: file, at: path) else { return nil }
      self = kind
    }

    /// Looks at a file; nil if it is none of Keras.
    init?(of file: TensorStorage, at path: FilePath) throws(FlywheelError) {
      let start = file.bytes.extracting(first: 64)
      let bytes = unsafe start.withUnsafeBytes { unsafe Array($0) }
      if bytes.starts(with: Array("PK".utf8)) {
        // The members of an .npz are .npy files, and there may be thousands in its directory.
        guard !Self.beginsWithArray(bytes),
          let kind = Kind(holding: try ZipReader(file, path: path).entries.map(\.name), .archive)
        else { return nil }
        self = kind
      } else if bytes.starts(with: [0x89] + Array("HDF\r\n".utf8)) {
        guard Self.listsLayers(file, path) else { return nil }
        self = .legacy
      } else if ShardMap.recognizes(file.bytes) {
        self = .shards
      } else if Self.isTensorFlowIndex(file.bytes) {
        self = .other("the index of a TensorFlow checkpoint")
      } else {
        return nil
      }
    }

    /// What a container with members of these names is.
    private init?(holding names: [String], _ kind: Kind) {
      let names = Set(names)
      if names.contains(KerasContents.Name.configuration),
        names.contains(KerasContents.Name.variables) || names.contains("model.weights.npz")
      {
        self = kind
      } else if names.contains("saved_model.pb") {
        self = .other("a SavedModel of TensorFlow")
      } else if names.contains("checkpoint"), names.contains(where: { $0.hasSuffix(".index") }) {
        self = .other("a TensorFlow checkpoint")
      } else {
        return nil
      }
    }

    /// Whether the first member of a zip archive is named as numpy's are.
    private static func beginsWithArray(_ bytes: [UInt8]) -> Bool {
      guard bytes.count > 30 else { return false }
      let count = Int(bytes[26]) | Int(bytes[27]) << 8
      let name = bytes.dropFirst(30).prefix(count)
      return name.count == count && name.suffix(4).elementsEqual(".npy".utf8)
    }

    /// Whether an HDF5 file has the list of layers that Keras's legacy format begins with.
    private static func listsLayers(_ bytes: TensorStorage, _ path: FilePath) -> Bool {
      guard let file = try? HDF5File(bytes, path: path) else { return false }
      return ["/", "/model_weights"].contains { group in
        // A group that is not there is looked for only once.
        (try? listsLayers(file, group)) ?? false
      }
    }

    private static func listsLayers(
      _ file: borrowing HDF5File,
      _ group: String
    ) throws(FlywheelError) -> Bool {
      for name in ["layer_names", "layer_names0"] {
        guard let value = try file.attribute(name, of: group) else { continue }
        // Other programs may have an attribute of the name; the layers are groups beside it.
        guard case .strings(let layers) = value, !layers.isEmpty else { return true }
        let names = Set(layers)
        let members = (try? file.members(of: group)) ?? []
        if members.contains(where: { names.contains($0.name) }) { return true }
      }
      return false
    }

    /// Whether a file ends as the tables of LevelDB do, in which TensorFlow lists a checkpoint's variables.
    private static func isTensorFlowIndex(_ bytes: RawSpan) -> Bool {
      let magic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]
      guard bytes.byteCount >= 48 else { return false }
      return unsafe bytes.extracting(last: magic.count).withUnsafeBytes {
        unsafe $0.elementsEqual(magic)
      }
    }
  }
}
