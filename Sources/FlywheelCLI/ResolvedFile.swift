import FlywheelCore
import FlywheelRun
import SystemPackage

/// Which file a path on the command line stands for.
enum ResolvedFile {
  /// The path itself, or the newest checkpoint of the run that it names.
  static func newest(_ path: FilePath) throws(FlywheelError) -> FilePath {
    guard FileSystem.isDirectory(path) else { return path }
    guard let newest = try RunDirectory.checkpoints(in: path).last else {
      throw FlywheelError(
        .notFound,
        "There is no checkpoint in this directory; name a run or a file.",
        at: .init(path: path)
      )
    }
    return newest
  }
}
