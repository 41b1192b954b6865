import FlywheelCore
import FlywheelDeflate
import FlywheelHDF5
import FlywheelNPZ

extension FileFormat {
  /// Every format, in the order in which they are looked for.
  public static let all = [
    safetensors, trainerFolder, safetensorsShards, pt, dcp, keras, kerasWeights, npz, npy, hdf5,
    directory,
  ]

  /// HDF5: `HDF5ArchiveReader`.
  public static let hdf5 = FileFormat(
    name: "HDF5",
    identifier: "hdf5",
    suffixes: [".h5", ".hdf5"],
    defaultCompression: Compression.none,
    recognizes: { start in
      let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
      guard let byteCount = start.byteCount, byteCount > 0 else { return false }
      // Of a file that was cut off there, HDF5's own reader knows what to say.
      if signature.starts(with: start.bytes(signature.count)) { return true }
      // Another program may have put something in front.
      var offset = 512
      while offset < byteCount {
        if start.bytes(signature.count, at: offset) == signature { return true }
        let (next, overflow) = offset.multipliedReportingOverflow(by: 2)
        guard !overflow else { return false }
        offset = next
      }
      return false
    },
    opens: { (path, _) throws(FlywheelError) in try HDF5ArchiveReader(opening: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try HDF5ArchiveWriter(
        replacing: path,
        compression: creation.compression,
        expectedByteCount: creation.expectedByteCount,
        durability: creation.durability
      )
    }
  )

  /// One numpy array: `NPYFile`.
  public static let npy = FileFormat(
    name: ".npy",
    identifier: "npy",
    suffixes: [".npy"],
    defaultCompression: nil,
    recognizes: { $0.begins(with: [0x93] + Array("NUMPY".utf8)) },
    opens: { (path, _) throws(FlywheelError) in try NPYFile(path: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try NPYWriter(creating: path, durability: creation.durability)
    }
  )

  /// Numpy arrays in a zip file: `NPZFile`.
  public static let npz = FileFormat(
    name: ".npz",
    identifier: "npz",
    suffixes: [".npz"],
    defaultCompression: .fast,
    recognizes: { $0.isZip },
    opens: { (path, checks) throws(FlywheelError) in
      try NPZFile(path: path, checksums: checks == .checksums ? .verified : .trusted)
    },
    creates: { (path, creation) throws(FlywheelError) in
      try NPZWriter(
        creating: path,
        compression: creation.compression,
        durability: creation.durability
      )
    }
  )

  /// Files of one numpy array each: `NPYDirectory`.
  public static let directory = FileFormat(
    name: "a directory of .npy files",
    identifier: "npy_directory",
    suffixes: ["/"],
    defaultCompression: nil,
    recognizes: { $0.holdsFiles(ending: ".npy") },
    opens: { (path, _) throws(FlywheelError) in try NPYDirectory(path: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try NPYDirectoryWriter(creating: path, durability: creation.durability)
    }
  )
}
