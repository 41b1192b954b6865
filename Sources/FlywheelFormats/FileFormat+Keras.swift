import FlywheelCore
import FlywheelHDF5
import FlywheelKeras
import SystemPackage

extension FileFormat {
  /// What Keras saves besides a .weights.h5: `KerasArchiveReader`.
  public static let keras = FileFormat(
    name: "Keras",
    identifier: "keras",
    suffixes: [".keras", ".keras.h5"],
    defaultCompression: nil,
    dialect: "keras_named",
    recognizes: { start in
      start.file.map { KerasFile.recognizes($0, at: start.path) }
        ?? KerasFile.recognizes(start.path)
    },
    opens: { (path, _) throws(FlywheelError) in try KerasArchiveReader(opening: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try KerasArchiveWriter(
        creating: path,
        as: path.string.lowercased().hasSuffix(".h5") ? .legacy : .archive,
        durability: creation.durability
      )
    }
  )

  /// What `save_weights` of Keras writes, and `load_weights` takes: variables by number, in HDF5, as which it is
  /// read.
  public static let kerasWeights = FileFormat(
    name: "Keras weights",
    identifier: "keras_weights",
    suffixes: [".weights.h5"],
    defaultCompression: nil,
    dialect: "keras",
    recognizes: { _ in false },
    opens: { (path, _) throws(FlywheelError) in try HDF5ArchiveReader(opening: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try KerasArchiveWriter(creating: path, as: .weights, durability: creation.durability)
    }
  )
}
