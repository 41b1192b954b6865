import FlywheelCore
import FlywheelKeras
import SystemPackage

extension FileFormat {
  /// What Keras saves besides a plain .weights.h5, which is HDF5: `KerasArchiveReader`.
  public static let keras = FileFormat(
    name: "Keras",
    identifier: "keras",
    suffixes: [".keras", ".keras.h5"],
    defaultCompression: nil,
    dialect: "keras_named",
    recognizes: { KerasFile.recognizes($0.path) },
    opens: { (path, _) throws(FlywheelError) in try KerasArchiveReader(opening: path) },
    creates: { (path, creation) throws(FlywheelError) in
      try KerasArchiveWriter(
        creating: path,
        as: path.string.lowercased().hasSuffix(".h5") ? .legacy : .archive,
        durability: creation.durability
      )
    }
  )
}
