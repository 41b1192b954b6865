internal import CFlywheelHDF5
internal import FlywheelCore
internal import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The one way into libhdf5, which is not safe to enter from two threads at once.
///
/// A recursive lock rather than an actor: handles are closed in `deinit`, which cannot wait, and the
/// error stack belongs to a thread and must be read before anything else runs on it.
enum HDF5Library {
  /// Runs `body` with libhdf5 to itself and printing nothing.
  ///
  /// The first call loads it.
  ///
  /// - Throws: What `body` throws; `libraryFailure` if there is no libhdf5.
  static func call<Result: ~Copyable>(
    _ body: () throws(FlywheelError) -> Result
  ) throws(FlywheelError) -> Result {
    fw_h5_enter()
    defer { fw_h5_leave() }
    // A text of the library's that stays as it is.
    if let reason = unsafe fw_h5_missing() { throw unsafe absence(String(cString: reason)) }
    return try body()
  }

  private static func absence(_ reason: String) -> FlywheelError {
    let version = "\(H5_VERS_MAJOR).\(H5_VERS_MINOR)"
    return FlywheelError(
      .libraryFailure,
      "This needs libhdf5 \(version), which could not be loaded. Install it: on Debian and Ubuntu, "
        + "'apt-get install libhdf5-dev' does.",
      cause: .library(reason)
    )
  }

  /// The error of the libhdf5 call that failed last on this thread, with its whole stack.
  static func failure(
    _ code: FlywheelError.Code,
    _ message: String,
    path: FilePath,
    tensor: String? = nil
  ) -> FlywheelError {
    FlywheelError(
      code,
      message,
      at: .init(path: path, tensor: tensor),
      cause: .hdf5Stack(takeFrames())
    )
  }

  /// The error of a read that failed on a file that was opened: damage, by libhdf5's own account.
  static func damage(_ what: String, path: FilePath, tensor: String? = nil) -> FlywheelError {
    let frames = takeFrames()
    // The innermost frame is the reason; those around it speak of checksums whatever the reason is.
    let isChecksum = frames.last?.contains("checksum") ?? false
    let isShort = frames.last?.contains("truncated file") ?? false
    if frames.last?.contains("bad version number") ?? false {
      return FlywheelError(
        .unsupported,
        "Could not read \(what): a newer HDF5 wrote it than \(version), which reads it here. Write it "
          + "with h5py.File(…, libver=('earliest', 'v110')), or update libhdf5.",
        at: .init(path: path, tensor: tensor),
        cause: .hdf5Stack(frames)
      )
    }
    let reason =
      isChecksum
      ? "a checksum in the file does not match"
      : isShort ? "the file is shorter than it says" : "libhdf5 finds it malformed"
    return FlywheelError(
      isChecksum ? .corrupted : isShort ? .truncated : .malformed,
      "Could not read \(what): \(reason). The file is damaged or still being written; "
        + "use another copy or an older one.",
      at: .init(path: path, tensor: tensor),
      cause: .hdf5Stack(frames)
    )
  }

  private static func takeFrames() -> [String] {
    guard let text = unsafe fw_h5_take_errors() else { return [] }
    defer { unsafe free(text) }
    return unsafe String(cString: text).split(separator: "\n").map(String.init)
  }

  /// The type of elements in our files; the little-endian one is also that of tensors in memory.
  static func type(of dtype: DType, isBigEndian: Bool = false) -> hid_t {
    fw_h5_type(dtype.element, isBigEndian ? 1 : 0)
  }

  /// The creation properties of contiguous datasets, which are shared, with a reference of the caller's.
  static func contiguousCreation() -> hid_t {
    fw_h5_enter()
    defer { fw_h5_leave() }
    let properties = fw_h5_contiguous_creation()
    return H5Iinc_ref(properties) < 0 ? -1 : properties
  }

  /// The version that was loaded, for example "1.10.8".
  static var version: String {
    var (major, minor, release): (UInt32, UInt32, UInt32) = (0, 0, 0)
    fw_h5_enter()
    defer { fw_h5_leave() }
    guard unsafe fw_h5_missing() == nil else { return "(not there)" }
    _ = unsafe H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }
}

/// An open object of libhdf5: a group, dataset, attribute, type or space.
struct HDF5Handle: ~Copyable {
  let id: hid_t

  /// Takes over an identifier; nil if the call that made it failed.
  init?(_ id: hid_t) {
    guard id >= 0 else { return nil }
    self.id = id
  }

  deinit {
    fw_h5_enter()
    H5Idec_ref(id)
    fw_h5_leave()
  }
}
