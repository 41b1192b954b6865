import FlywheelCore
import SystemPackage

/// One line of standard input: what to do, with which tensors, where, and how often.
struct Request {
  let operation: Operation
  let tensors: TensorSet
  let path: FilePath
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
  }

  init(_ value: JSONValue) throws(FlywheelError) {
    var object = try JSONObject(value)
    let operation = try object.string("operation")
    let tensors = try object.string("tensors")
    guard let operation = Operation(rawValue: operation), let tensors = TensorSet(rawValue: tensors)
    else {
      throw FlywheelError(.invalidArgument, "There is no '\(operation)' of '\(tensors)'.")
    }
    self.operation = operation
    self.tensors = tensors
    path = FilePath(try object.string("path"))
    count = try object.integer("count", in: 1...1_000_000)
    try object.refuseOtherMembers()
  }
}
