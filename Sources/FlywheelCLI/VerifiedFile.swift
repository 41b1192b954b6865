import FlywheelCheckpoint
import FlywheelCore
import FlywheelFormats
import FlywheelRun
import SystemPackage

/// A file that is whole, as far as it can be checked.
struct VerifiedFile {
  private let path: FilePath
  /// How many tensors were checked.
  private let count: Int
  /// Whose checksums were compared; nil if there are none.
  private let checksums: String?
  /// What could not be read, and so was not checked.
  private let unchecked: [String]

  /// Reads every byte, and compares every checksum that there is.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - isOfRun: Whether it is one of a run's, and so nothing but a checkpoint.
  /// - Throws: What is wrong with the file, or why it could not be checked.
  init(checking path: FilePath, isOfRun: Bool) throws(FlywheelError) {
    self.path = path
    let format = try FileFormat.of(contentsOf: path)
    let reader = try format.open(path)
    let training = try reader.trainingDocument()
    if isOfRun || training != nil {
      count =
        try Trace.isDocument(reader.document())
        ? TraceFile.verify(path).keys.count : CheckpointFile.verify(path).keys.count
      checksums = "document"
      unchecked = []
      return
    }
    _ = try reader.archiveDocument()
    var count = 0
    var unchecked: [String] = []
    for member in try reader.members() {
      if case .unreadable(_, _, let reason) = member.content {
        guard reason.code == .unsupported else { throw reason.located(path: path) }
        unchecked.append(member.key)
        continue
      }
      try reader.read(member.key) { _ in }
      count += 1
    }
    self.count = count
    self.unchecked = unchecked
    checksums = reader.hasChecksums ? "container" : nil
  }

  /// The finding as a line for people.
  var text: String {
    var text: String
    switch checksums {
    case "document"?: text = "\(path): whole, \(Formatting.count(count, "tensor"))"
    case .some:
      text = "\(path): whole by the container's checksums, \(Formatting.count(count, "array"))"
    case nil:
      text =
        "\(path): readable, \(Formatting.count(count, "array")); it has no checksums, so that "
        + "changed numbers would go unnoticed"
    }
    if !unchecked.isEmpty {
      let names = unchecked.prefix(4).map { "'\($0)'" }.joined(separator: ", ")
      text += "\n  not checked, since Flywheel does not read them: \(names)"
      if unchecked.count > 4 { text += " and \(unchecked.count - 4) more" }
    }
    return text
  }

  /// The finding for scripts.
  var json: JSONValue {
    [
      "file": JSONValue(path.string),
      "whole": true,
      "tensors": JSONValue(count),
      "checksums": checksums.map { JSONValue($0) } ?? .null,
      "unchecked": .array(unchecked.map { JSONValue($0) }),
    ]
  }
}
