import FlywheelCore
import FlywheelKeras

extension FileFormat {
  /// What Keras saves besides a plain .weights.h5, which is HDF5: `KerasArchiveReader`.
  public static let keras = FileFormat(
    name: "Keras",
    identifier: "keras",
    suffixes: [],
    defaultCompression: nil,
    hasChecksums: false,
    recognizes: { KerasFile.recognizes($0.path) },
    opens: { (path, _) throws(FlywheelError) in try KerasArchiveReader(opening: path) },
    creates: { (path, _) throws(FlywheelError) in
      throw FlywheelError(
        .unsupported,
        "Files of Keras are read here and not written, except a .weights.h5: --to keras into an .h5 file.",
        at: .init(path: path)
      )
    }
  )
}
