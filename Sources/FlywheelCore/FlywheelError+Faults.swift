public import SystemPackage

extension FlywheelError {
  /// A system call failed.
  ///
  /// - Parameters:
  ///   - call: The call, as a person knows it, for example `fsync`.
  ///   - purpose: What it was for, for example "save the checkpoint".
  ///   - path: The file it was called on.
  ///   - errno: What the system said.
  /// - Returns: The error.
  public static func system(
    _ call: String,
    to purpose: String,
    path: FilePath?,
    errno: Errno
  ) -> FlywheelError {
    FlywheelError(
      errno == .noSuchFileOrDirectory ? .notFound : .inputOutput,
      errno == .noSuchFileOrDirectory
        ? "No such file or directory; could not \(purpose)."
        : "Could not \(purpose): \(call) failed.",
      at: Location(path: path),
      cause: .errno(errno)
    )
  }

  /// The bytes end too early.
  public static func truncated(
    _ what: String,
    needed: UInt64,
    available: UInt64,
    at location: Location = Location()
  ) -> FlywheelError {
    FlywheelError(
      .truncated,
      "The file ends early: \(what) needs \(needed) bytes here, \(available) are left. "
        + "It was cut off or is still being written; copy it again or use an older one.",
      at: location
    )
  }

  /// The bytes are not what their format demands.
  public static func malformed(
    found: String,
    expected: String,
    at location: Location = Location()
  ) -> FlywheelError {
    FlywheelError(.malformed, "Found \(found) where \(expected) was expected.", at: location)
  }

  /// A size computed from a file's own numbers does not fit an integer.
  public static func overflow(_ what: String, at location: Location = Location()) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      "The size of \(what) overflows 63 bits; the file's numbers cannot be true.",
      at: location
    )
  }
}
