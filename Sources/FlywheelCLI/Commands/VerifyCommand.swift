import ArgumentParser
import FlywheelCore
import FlywheelRun
import SystemPackage

/// `flywheel verify`: whether every byte is as it was written.
struct VerifyCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract:
      "Check all that is read of a checkpoint, of all checkpoints of a run, or of any file.",
    discussion: """
      Compares each tensor with its CRC-32, the document with its own and with the schema, and the \
      attributes that are there with the document; nothing that the index does not list may have been \
      added. Of other files every array is read: .npz and .keras files have checksums of their own, as \
      most of PyTorch have; others have none, which is said. Exit status 0: all whole; 1: at least one is \
      not; 2: one could not be checked.

      Examples:
        flywheel verify runs/1
        flywheel verify runs/1/checkpoints/step-000000003125.h5 --json
        flywheel verify state.npz
      """
  )

  @Argument(
    help: "A checkpoint, a trace, a run's directory, or another file or directory of tensors."
  )
  var file: String

  @Flag(help: "Print one JSON object for scripts.")
  var json = false

  @OptionGroup var reading: ReadingOptions

  func run() throws {
    let path = FilePath(file)
    var files = [path]
    let isRun = try !ResolvedFile.isArchive(path) && FileSystem.isDirectory(path)
    if isRun {
      files = try RunDirectory.checkpoints(in: path)
      guard !files.isEmpty else {
        throw FlywheelError(
          .notFound,
          "There is no checkpoint to verify in this directory.",
          at: .init(path: path)
        )
      }
    }
    var results: [JSONValue] = []
    var counts = (damaged: 0, unchecked: 0)
    for file in files {
      do throws(FlywheelError) {
        let finding = try VerifiedFile(checking: file, isOfRun: isRun)
        results.append(finding.json)
        if !json { Terminal.output.print(finding.text) }
      } catch {
        // Whoever trains in the run may just have deleted it.
        if files.count > 1, !FileSystem.exists(file) { continue }
        // One file that cannot be checked must not hide what is wrong with the others.
        if files.count == 1 && !error.isDamage { throw error }
        if error.isDamage { counts.damaged += 1 } else { counts.unchecked += 1 }
        results.append([
          "file": JSONValue(file.string), "whole": false, "code": JSONValue(error.code.rawValue),
          "reason": JSONValue(error.description),
        ])
        if !json {
          let verdict = error.isDamage ? "NOT WHOLE" : "COULD NOT BE CHECKED"
          Terminal.output.print("\(file): \(verdict)\n  \(error)")
        }
      }
    }
    if json {
      let document: JSONValue = [
        "files": .array(results), "damaged": JSONValue(counts.damaged),
        "unchecked": JSONValue(counts.unchecked),
      ]
      Terminal.output.print(document.prettyText())
    }
    if counts.damaged > 0 { throw ExitCode(ExitStatus.no.rawValue) }
    if counts.unchecked > 0 { throw ExitCode(ExitStatus.trouble.rawValue) }
  }
}
