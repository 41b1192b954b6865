import ArgumentParser
import FlywheelCore
import FlywheelFormats
import FlywheelRun
import FlywheelTrain
import OrderedCollections
import SystemPackage

/// `flywheel digits`: the built-in data as a file, for trainers in other languages.
struct DigitsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "digits",
    abstract: "Write the built-in digits to a file, for other programs to train on.",
    discussion: """
      The arrays x_train, y_train, x_test and y_test, of 28 x 28 pixels from 0 to 255, as in Keras' \
      mnist.npz. 'flywheel train --data FILE' reads them, too, and trains as on the built-in ones.

      Examples:
        flywheel digits digits.npz
        flywheel digits digits.h5
      """
  )

  @Argument(help: ArgumentHelp("What to write; its name says the format.", valueName: "out"))
  var output: String

  func run() throws {
    let path = FilePath(output)
    let format = try FileFormat.of(name: output)
    guard !FileSystem.exists(path) else {
      throw FlywheelError(
        .alreadyExists,
        "There is something of that name already; give another one.",
        at: .init(path: path)
      )
    }
    let archive = Archive(
      tensors: OrderedDictionary(
        uniqueKeysWithValues: try DataSet.builtInArrays().map { ($0.name, $0.array) }
      )
    )
    let writer = try format.create(path, expectedByteCount: archive.byteCount)
    try writer.write(archive) { _ in nil }
  }
}
