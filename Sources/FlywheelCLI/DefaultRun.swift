import FlywheelCore
import SystemPackage

/// The directory of a run that was given none.
enum DefaultRun {
  /// Makes and takes the first of runs/1, runs/2, … that is free: two that start at once get two.
  static func claim() throws(FlywheelError) -> FilePath {
    let runs = FilePath("runs")
    try FileSystem.createDirectory(runs)
    var number = 1
    while try !FileSystem.createNewDirectory(runs.appending(String(number))) { number += 1 }
    return runs.appending(String(number))
  }

  /// Gives a number back that nothing came of.
  static func release(_ path: FilePath) {
    FileSystem.removeEmptyDirectory(path)
  }
}
