import FlywheelCore
import FlywheelPickle

/// A file that `torch.save` wrote: one pickle, and the bytes of the storages that it names.
protocol TorchContainer: Sendable {
  /// The pickle.
  var graph: PickleGraph { get }
  /// The number of bytes of the pickle, which bounds what is made of it.
  var graphByteCount: Int { get }
  /// The number of bytes of the file.
  var byteCount: Int { get }
  /// Whether the storages have the high bytes of numbers first.
  var isBigEndian: Bool { get }
  /// Whether each storage has a checksum, which is compared when its bytes are read.
  var hasChecksums: Bool { get }

  /// Looks for the bytes of a storage, without touching them.
  ///
  /// - Parameter storage: The storage.
  /// - Throws: `notFound` if they are not there; `mismatch` if they are more or fewer.
  /// - Returns: How they are compressed, for people; empty if they are not.
  func find(_ storage: TorchStorage) throws(FlywheelError) -> String

  /// Reads the bytes of a storage; without a copy if they lie in the file as they are.
  ///
  /// - Parameters:
  ///   - storage: The storage.
  ///   - isShared: Whether several tensors view it, so that it is worth keeping what had to be inflated.
  /// - Throws: As `find(_:)`, and what is wrong with the bytes.
  /// - Returns: What holds them, and where in it they begin.
  func contents(
    of storage: TorchStorage,
    isShared: Bool
  ) throws(FlywheelError) -> (TensorStorage, offset: Int)
}
