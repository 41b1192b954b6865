import FlywheelCore
import SystemPackage

/// The directory of a run that was given none.
enum DefaultRun {
  /// The first of runs/1, runs/2, … that is free.
  static func next() -> FilePath {
    var number = 1
    while FileSystem.exists(FilePath("runs").appending(String(number))) { number += 1 }
    return FilePath("runs").appending(String(number))
  }
}
