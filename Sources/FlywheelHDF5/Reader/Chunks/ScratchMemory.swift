internal import FlywheelCore

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Memory for the bytes of one chunk after the other.
///
/// A file of some megabytes may declare chunks of gigabytes. Where there is no room for one, an array would end the
/// process; and it would fill itself with zeros before the first compressed byte shows what the chunk is worth. Here
/// pages appear as bytes are really written.
@safe final class ScratchMemory: Sendable {
  // Whoever decodes a chunk has it alone meanwhile; released when the last reference is gone.
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer

  /// How many bytes there are.
  let byteCount: Int

  /// Takes memory that holds anything.
  ///
  /// - Parameter byteCount: How many bytes.
  /// - Throws: `limitExceeded` if there is not so much memory.
  init(byteCount: Int) throws(FlywheelError) {
    // An empty chunk has an address too.
    guard let base = unsafe malloc(max(1, byteCount)) else {
      throw FlywheelError(
        .limitExceeded,
        "There is no memory for a chunk of \(byteCount) bytes; close other programs, use a larger machine, or "
          + "repack the file with smaller chunks ('h5repack -l CHUNK=…')."
      )
    }
    unsafe self.base = base
    self.byteCount = byteCount
  }

  deinit { unsafe free(base) }

  /// Lets somebody write the first bytes.
  ///
  /// - Parameters:
  ///   - count: How many; not more than there are.
  ///   - body: Writes them; what it reads it must have written before.
  /// - Throws: What `body` throws.
  func write(
    _ count: Int,
    _ body: (inout MutableRawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    precondition(count >= 0 && count <= byteCount, "bytes within the memory")
    // Within the memory, by the check above, which lives as long as this object.
    var bytes = unsafe MutableRawSpan(_unsafeStart: base, byteCount: count)
    try body(&bytes)
  }

  /// The first bytes, which have been written.
  ///
  /// - Parameter count: How many; not more than there are.
  /// - Returns: The bytes, until others are written.
  @_lifetime(borrow self)
  func first(_ count: Int) -> RawSpan {
    precondition(count >= 0 && count <= byteCount, "bytes within the memory")
    // Within the memory, by the check above, which lives as long as this object.
    let bytes = unsafe RawSpan(_unsafeStart: base, byteCount: count)
    return unsafe _overrideLifetime(bytes, borrowing: self)
  }
}
