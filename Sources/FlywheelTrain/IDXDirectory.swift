import FlywheelCheckpoint
import FlywheelCore
import SystemPackage

/// The four IDX files of a data set that are named like MNIST's.
///
/// A name is `train-images`, `train-labels`, and for the test `t10k-` or `test-` in the place of
/// `train-`; before it may stand the data set's own name and a dash, as in EMNIST's
/// `emnist-letters-train-images-idx3-ubyte`; behind it `-idx` or `.idx` and more, and `.gz`.
struct IDXDirectory {
  private let path: FilePath
  private let names: [String]
  /// What all names begin with: nothing, or the data set's own name and a dash.
  private let prefix: String

  /// One of the four files.
  private struct Role {
    var parts: [String]
    var kind: String
    var content: IDXFile.Content

    var stems: [String] { parts.map { "\($0)-\(kind)" } }
  }

  private static let training = ["train"]
  private static let test = ["t10k", "test"]

  /// Whether a path is a directory with such files.
  ///
  /// - Parameter path: The path.
  /// - Returns: False too if it cannot be read.
  static func recognizes(_ path: FilePath) -> Bool {
    guard FileSystem.isDirectory(path), let names = try? FileSystem.names(in: path) else {
      return false
    }
    return names.contains { prefix(of: $0) != nil }
  }

  /// Looks at the names in a directory.
  ///
  /// - Parameter path: The directory; behind it may stand the name of one of the data sets there.
  /// - Throws: `notFound`, or `mismatch` if several data sets are there and none is named.
  init(_ path: FilePath) throws(FlywheelError) {
    if FileSystem.isDirectory(path) {
      let names = try FileSystem.names(in: path)
      let prefixes = Set(names.compactMap { Self.prefix(of: $0) }).sorted()
      guard prefixes.count <= 1 || prefixes[0].isEmpty else {
        let sets = prefixes.map { path.appending(String($0.dropLast())).string }
        throw FlywheelError(
          .mismatch,
          "Several data sets are here; name one of them: \(sets.joined(separator: ", ")).",
          at: .init(path: path)
        )
      }
      self.path = path
      self.names = names
      prefix = prefixes.first ?? ""
      return
    }
    let parent = path.removingLastComponent()
    let prefix = (path.lastComponent?.string ?? "") + "-"
    let directory = parent.isEmpty ? FilePath(".") : parent
    if !FileSystem.exists(path), FileSystem.isDirectory(directory) {
      let names = try FileSystem.names(in: directory)
      if names.contains(where: { Self.prefix(of: $0) == prefix }) {
        self.path = directory
        self.names = names
        self.prefix = prefix
        return
      }
    }
    throw FlywheelError(
      .notFound,
      FileSystem.exists(path)
        ? "This is a file, but no archive of arrays such as an .npz; name one, or the directory that "
          + "holds the four IDX files."
        : "There is no such file or directory; name a directory that holds four IDX files like "
          + "MNIST's, an archive of arrays such as an .npz, or '\(DataSet.builtIn)' for the built-in "
          + "data.",
      at: .init(path: path)
    )
  }

  /// Reads all four files.
  ///
  /// - Throws: `notFound` with the names that were looked for, and what reading one of them throws.
  /// - Returns: The arrays.
  func read() throws(FlywheelError) -> StoredDataSet {
    StoredDataSet(
      training: try part(Self.training),
      test: try part(Self.test),
      location: .init(path: path)
    )
  }

  /// Reads one pair of files.
  private func part(_ parts: [String]) throws(FlywheelError) -> StoredDataSet.Part {
    let samples = try find(Role(parts: parts, kind: "images", content: .samples))
    let labels = try find(Role(parts: parts, kind: "labels", content: .labels))
    return StoredDataSet.Part(
      samples: try IDXFile(samples, .samples).array,
      labels: try IDXFile(labels, .labels).array
    )
  }

  /// The first file, in the order of names, that plays a role: the plain one before the one in gzip.
  private func find(_ role: Role) throws(FlywheelError) -> FilePath {
    for stem in role.stems {
      for name in names
      where name.hasPrefix(prefix + stem) && Self.isEnding(name.dropFirst((prefix + stem).count)) {
        return path.appending(name)
      }
    }
    let looked = role.stems.map { prefix + $0 }.joined(separator: " or ")
    let found = names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", …" : "")
    throw FlywheelError(
      .notFound,
      "Looked for a file \(looked), followed by -idx… or .idx… and perhaps .gz, for example "
        + "\(prefix)\(role.stems[0])-idx\(role.content == .samples ? 3 : 1)-ubyte.gz; the directory "
        + (names.isEmpty ? "is empty." : "holds \(found).")
        + " Put the four files of a data set there, named like MNIST's.",
      at: .init(path: path)
    )
  }

  /// What stands before `train-`, `t10k-` or `test-` in the name of a file that plays a role.
  private static func prefix(of name: String) -> String? {
    for part in training + test {
      for kind in ["images", "labels"] {
        let stem = "\(part)-\(kind)"
        guard let place = name.firstRange(of: stem), isEnding(name[place.upperBound...]) else {
          continue
        }
        let prefix = String(name[..<place.lowerBound])
        if prefix.isEmpty || prefix.hasSuffix("-") { return prefix }
      }
    }
    return nil
  }

  /// Whether the rest of a name is one of an IDX file.
  private static func isEnding(_ rest: Substring) -> Bool {
    ["", ".gz"].contains(rest) || rest.hasPrefix("-idx") || rest.hasPrefix(".idx")
  }
}
