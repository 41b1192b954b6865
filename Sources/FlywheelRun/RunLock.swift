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
    // Whoever only asks whether the run is held holds it for an instant; a trainer holds it for longer.
    var patience = 20
    while retryingOnInterrupt({ flock(file.descriptor, LOCK_EX | LOCK_NB) }) != 0 {
      let error = Errno.current
      guard error == .wouldBlock else {
        throw FlywheelError.system("flock", to: "lock the run", path: path, errno: error)
      }
      if patience > 0 {
        patience -= 1
        usleep(5_000)
        continue
      }
      throw FlywheelError(
        .busy,
        "Another process is training in this run; wait for it or stop it, or use another directory.",
        at: .init(path: path.removingLastComponent())
      )
    }
    self.file = file
  }

  /// Whether a process holds the lock now; false if there is no telling.
  static func isHeld(_ path: FilePath) -> Bool {
    guard let file = try? OpenFile(path, flags: O_RDONLY, purpose: "look at the lock") else {
      return false
    }
    // Shared, so that two that ask do not see each other; closing lets it go.
    let locked = retryingOnInterrupt { flock(file.descriptor, LOCK_SH | LOCK_NB) }
    return locked != 0 && Errno.current == .wouldBlock
  }
}
