import FlywheelCore
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The right to write into a run directory, held by at most one process at a time.
///
/// It is the kernel's lock on an open file, never the existence of one: a killed process leaves
/// nothing behind that would have to be cleaned up.
struct RunLock: ~Copyable, Sendable {
  private let file: OpenFile

  /// Takes the lock.
  ///
  /// - Throws: `busy` if another process has it, `inputOutput` if the directory cannot be written.
  init(_ path: FilePath) throws(FlywheelError) {
    let file = try OpenFile(path, flags: O_RDWR | O_CREAT, purpose: "lock the run")
    let descriptor = file.descriptor
    let locked = retryingOnInterrupt { flock(descriptor, LOCK_EX | LOCK_NB) }
    guard locked == 0 else {
      let error = Errno.current
      guard error == .wouldBlock else {
        throw FlywheelError.system("flock", to: "lock the run", path: path, errno: error)
      }
      throw FlywheelError(
        .busy,
        "Another process is training in this run; wait for it or stop it, or use another directory.",
        at: .init(path: path.removingLastComponent())
      )
    }
    self.file = file
  }
}
