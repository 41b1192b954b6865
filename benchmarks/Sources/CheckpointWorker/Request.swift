import FlywheelCore
import FlywheelDeflate
import FlywheelHDF5
import SystemPackage

/// One line of standard input: what to do, with which tensors, where, and how often.
struct Request {
  let operation: Operation
  /// The name of a `TensorSet`, or for what is about archives the .npz file that has the arrays.
  let tensors: String
  let path: FilePath
  let compression: Compression
  /// What reads HDF5 files.
  let reader: HDF5Implementation
  let count: Int

  enum Operation: String {
    /// Save a checkpoint, and leave writing to the disk to the system.
    case save
    /// Save a checkpoint, and wait until it is on the disk.
    case saveDurably = "save_durably"
    /// Load a checkpoint, every byte checked.
    case load
    /// Load a checkpoint without reading its tensors.
    case map
    /// Load a checkpoint without checksums and read one byte of every page of its tensors.
    case touch
    /// The same bytes with `write` alone.
    case rawWrite = "raw_write"
    /// The same bytes with `write`, into space that was reserved first.
    case reservedWrite = "reserved_write"
    /// The same bytes with `write` and `fsync` alone.
    case rawWriteDurably = "raw_write_durably"
    /// All bytes of the file with `read`, into fresh memory.
    case rawRead = "raw_read"
    /// Save arrays as the path's suffix says.
    case saveArchive = "save_archive"
    /// Load all arrays, every checksum of the container checked.
    case loadArchive = "load_archive"
    /// Load all arrays without the container's checksums.
    case mapArchive = "map_archive"
    /// List all arrays and the metadata, and read none of the arrays.
    case listArchive = "list_archive"

    /// Whether it makes a new file.
    var isSave: Bool {
      switch self {
      case .save, .saveDurably, .rawWrite, .reservedWrite, .rawWriteDurably, .saveArchive: true
      case .load, .map, .touch, .rawRead, .loadArchive, .mapArchive, .listArchive: false
      }
    }
  }

  init(_ value: JSONValue) throws(FlywheelError) {
    var object = try JSONObject(value)
    let operation = try object.string("operation")
    guard let operation = Operation(rawValue: operation) else {
      throw FlywheelError(.invalidArgument, "There is no '\(operation)'.")
    }
    self.operation = operation
    tensors = try object.string("tensors")
    compression = try Compression(parsing: object.optionalString("compression") ?? "0")
    let reader = try object.optionalString("reader") ?? HDF5Implementation.flywheel.rawValue
    guard let reader = HDF5Implementation(rawValue: reader) else {
      throw FlywheelError(.invalidArgument, "Nothing called '\(reader)' reads HDF5 files.")
    }
    self.reader = reader
    path = FilePath(try object.string("path"))
    count = try object.integer("count", in: 1...1_000_000)
    try object.refuseOtherMembers()
  }
}
