import FlywheelCore
import FlywheelFormats
import FlywheelRun
import SystemPackage

/// Which file a path on the command line stands for.
enum ResolvedFile {
  /// Whether it holds tensors itself: a file, or a directory of .npy files that is no run.
  static func isArchive(_ path: FilePath) throws(FlywheelError) -> Bool {
    guard FileSystem.isDirectory(path) else { return FileSystem.exists(path) }
    guard try RunDirectory.checkpoints(in: path).isEmpty,
      !FileSystem.exists(path.appending("configuration.json"))
    else { return false }
    return (try? FileFormat.of(contentsOf: path)) != nil
  }

  /// The path itself, or the newest checkpoint of the run that it names.
  static func newest(_ path: FilePath) throws(FlywheelError) -> FilePath {
    guard FileSystem.isDirectory(path) else { return path }
    if try isArchive(path) { return path }
    guard let newest = try RunDirectory.checkpoints(in: path).last else {
      throw FlywheelError(
        .notFound,
        "There is no checkpoint in this directory, and no file of tensors; name a run or a file.",
        at: .init(path: path)
      )
    }
    return newest
  }
}
