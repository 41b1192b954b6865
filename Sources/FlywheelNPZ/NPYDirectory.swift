public import FlywheelCore
import OrderedCollections
public import SystemPackage

/// A directory of .npy files, and of directories of them, open for reading.
///
/// A key is a file's path within the directory without its suffix: `model/layers.0.weight`. Members are in the
/// order of their keys' bytes. Hidden files are passed over; other files that are no .npy count as obstacles, and so do
/// symbolic links that lead out of the directory, which are not followed.
///
/// Arrays of elements that numpy has no type for are what Flywheel's document in the directory says they are.
///
/// Opening finds the files; each is opened again when it is asked for.
public final class NPYDirectory: ArchiveReader {
  /// The directory.
  public let path: FilePath

  private let files: OrderedDictionary<String, FilePath>
  private let extras: ArchiveMetadata
  private let trueTypes = TrueTypes()

  /// Finds the files.
  ///
  /// - Parameter path: The directory.
  /// - Throws: `notFound`, or `inputOutput` if a directory cannot be listed.
  public init(path: FilePath) throws(FlywheelError) {
    self.path = path
    let tree = try NPYTree(at: path)
    var files: OrderedDictionary<String, FilePath> = [:]
    var obstacles = tree.obstacles
    for (key, file) in tree.files {
      // Swift takes names for equal that differ in how their accents are composed.
      guard files[key] == nil else {
        obstacles.append(
          .init(name: "the file '\(file)'", reason: "looks the same as another, '\(key)'")
        )
        continue
      }
      files[key] = file
    }
    self.files = files
    extras = ArchiveMetadata(emptyGroups: tree.emptyDirectories, obstacles: obstacles)
  }

  /// Lists the arrays.
  ///
  /// - Throws: `inputOutput` if a file cannot be opened.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    for (key, file) in files { members.append(try member(key, file)) }
    return members
  }

  /// Looks at one array.
  ///
  /// - Parameter key: Its name.
  /// - Throws: `inputOutput` if its file cannot be opened.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    try files[key].map { (file) throws(FlywheelError) in try member(key, file) }
  }

  /// What is there besides the arrays.
  ///
  /// - Throws: As `members()`.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata {
    var metadata = extras
    for (key, file) in files {
      if let obstacle = try opened(file).content.obstacle(key) {
        metadata.obstacles.append(obstacle)
      }
    }
    return metadata
  }

  /// Reads an array; without a copy if it is row-major and little-endian.
  ///
  /// - Parameter key: Its name.
  /// - Throws: As `NPYFile.tensor(_:)`, and `malformed` or `truncated` if its file is damaged.
  /// - Returns: The elements; nil if there is none of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    guard let file = files[key] else { return nil }
    do throws(FlywheelError) {
      let (elements, storage) = try array(key, file)
      return try elements.tensor(in: storage, at: elements.byteOffset)
    } catch {
      throw error.located(path: file, tensor: key)
    }
  }

  /// Reads an array piece by piece.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes, row-major and little-endian.
  /// - Throws: `notFound` if there is none of this name, and as `tensor(_:)`.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let file = files[key] else { throw FlywheelError.noArray(key, in: path) }
    do throws(FlywheelError) {
      let (elements, storage) = try array(key, file)
      try elements.read(storage, at: elements.byteOffset, body)
    } catch {
      throw error.located(path: file, tensor: key)
    }
  }

  private func member(_ key: String, _ file: FilePath) throws(FlywheelError) -> ArchiveMember {
    let content = try opened(file).content
    return try content.member(key, as: trueElement(of: key, content))
  }

  private func array(
    _ key: String,
    _ file: FilePath
  ) throws(FlywheelError) -> (elements: NPYElements, storage: TensorStorage) {
    let (content, storage) = try opened(file)
    let header = try content.header()
    let array = try header.array(of: trueElement(of: key, content))
    return (NPYElements(header, array: array), storage)
  }

  private func trueElement(of key: String, _ content: NPYContent) -> ElementType? {
    guard case .array(let header, _) = content else { return nil }
    return trueTypes.element(of: key, header, in: self)
  }

  private func opened(
    _ file: FilePath
  ) throws(FlywheelError) -> (content: NPYContent, storage: TensorStorage) {
    let storage = TensorStorage(mapping: try MappedFile(path: file))
    return (NPYContent(storage.bytes, byteCount: storage.byteCount), storage)
  }
}
