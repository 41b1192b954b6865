public import FlywheelCore
public import SystemPackage

/// An HDF5 file open for reading.
///
/// The file is mapped once: tensors that lie in one piece are views of the same bytes, whatever happens to the
/// file's name meanwhile, and stay valid after the file is closed. Safe to use from several threads.
/// `HDF5Implementation.current` says what reads it.
public struct HDF5File: ~Copyable, Sendable {
  /// The most bytes that are read at once of a dataset that goes by in pieces.
  private static let pieceLimit = 32 << 20
  /// The same where chunks would have to be decoded again for smaller pieces.
  private static let rowLimit = 256 << 20

  /// The file's name.
  public let path: FilePath

  private let source: any HDF5Source

  /// What its size justifies.
  var limit: ReadLimit { source.limit }

  /// What reads the file, with its version: `flywheel`, or for example `libhdf5 1.10.8`.
  public var readerDescription: String { source.readerDescription }

  /// Opens a file.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fillLimit: The most bytes that reading a tensor may take although the size of the file cannot
  ///     justify them: chunks that were never written are all fill value. 1032 bytes per byte of the file
  ///     are always fine, since that is the most that gzip can do.
  /// - Throws: `notFound`; `invalidArgument` if it is a directory; `truncated` if it is empty or cut off;
  ///   `malformed` if it is not HDF5, or `corrupted` if its structure is damaged.
  public init(opening path: FilePath, fillLimit: Int = 64 << 20) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    try self.init(bytes, path: path, fillLimit: fillLimit)
  }

  /// Opens a file that is in memory, or part of another one.
  ///
  /// - Parameters:
  ///   - bytes: All of its bytes.
  ///   - path: Its name, for errors.
  ///   - fillLimit: As in the general function.
  ///   - reader: What reads it.
  /// - Throws: As the general function.
  public init(
    _ bytes: TensorStorage,
    path: FilePath,
    fillLimit: Int = 64 << 20,
    reader: HDF5Implementation = .current
  ) throws(FlywheelError) {
    try self.init(
      bytes,
      path: path,
      ReadLimit(fileByteCount: bytes.byteCount, fillLimit: fillLimit),
      reader: reader
    )
  }

  /// As the general function, with other limits.
  init(
    _ bytes: TensorStorage,
    path: FilePath,
    _ limit: ReadLimit,
    reader: HDF5Implementation = .current
  ) throws(FlywheelError) {
    source = try FlywheelError.locating(path: path) {
      () throws(FlywheelError) -> any HDF5Source in
      switch reader {
      case .flywheel: try StructureFile(bytes, limit)
      case .library: try LibraryFile(bytes, path: path, limit)
      }
    }
    self.path = path
  }

  /// The names in a group, in the order in which they were added if the file knows it, as Flywheel's own
  /// do; else in the order of their bytes.
  ///
  /// - Parameter path: The group.
  /// - Returns: The names with what they stand for.
  /// - Throws: `notFound`, `mismatch` if it is no group, `malformed` or `corrupted` if it is damaged.
  public func members(of path: String = "/") throws(FlywheelError) -> [HDF5Member] {
    try at(path) { (place) throws(FlywheelError) in try source.members(of: place) }
  }

  /// All datasets, each with its first path; links are not followed.
  ///
  /// - Returns: The datasets, group by group in the order of `members(of:)`.
  /// - Throws: `malformed` or `corrupted` if the file is damaged, `limitExceeded` for groups nested more
  ///   than 64 deep, and for paths that are longer together than the file's size justifies.
  public func allDatasets() throws(FlywheelError) -> [HDF5Dataset] {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      try source.allDatasets()
    }
  }

  /// All links, soft and external ones, with where they lead; they are not followed.
  ///
  /// - Returns: The links, in the order of `allDatasets()`.
  /// - Throws: As `allDatasets()`.
  public func allLinks() throws(FlywheelError) -> [HDF5Link] {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in try source.allLinks() }
  }

  /// Looks at a dataset without reading its elements.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: Its type, shape and storage.
  /// - Throws: `notFound`, `mismatch` if it is no dataset, `unsupported` behind an external link,
  ///   `malformed` or `corrupted` if it is damaged.
  public func dataset(_ path: String) throws(FlywheelError) -> HDF5Dataset {
    try dataset(at: try place(path))
  }

  /// As `dataset(_:)`, of a path that was looked at.
  func dataset(at place: HDF5Path) throws(FlywheelError) -> HDF5Dataset {
    try located(place) { () throws(FlywheelError) in try source.dataset(at: place) }
  }

  /// Reads a dataset; without copying it where its bytes lie in one piece as tensors need them.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: The elements, little-endian.
  /// - Throws: As `dataset(_:)`; `unsupported` for element types, filters or storage that Flywheel does
  ///   not read, `truncated` or `limitExceeded` if the file is too small for what it declares, or its datasets
  ///   name the same chunks and more of those were read than a sound file has, `malformed` for truth values that
  ///   are neither true nor false.
  public func tensor(_ path: String) throws(FlywheelError) -> Tensor {
    try tensor(at: try place(path))
  }

  /// The elements of a dataset that was listed, if they can be had without looking for it again; else nil.
  func mapped(_ dataset: ListedDataset) -> Tensor? { source.mapped(dataset) }

  /// As `tensor(_:)`, of a path that was looked at.
  ///
  /// - Parameters:
  ///   - place: Where it is.
  ///   - admit: Is told how many bytes it has before there is memory for them; throws if they are too many.
  /// - Throws: As the general function, and what `admit` throws.
  /// - Returns: The elements.
  func tensor(
    at place: HDF5Path,
    _ admit: (Int) throws(FlywheelError) -> Void = { _ in }
  ) throws(FlywheelError) -> Tensor {
    try located(place) { () throws(FlywheelError) in
      let input = try source.input(at: place)
      if let byteCount = input.dataset.byteCount { try admit(byteCount) }
      return try input.tensor()
    }
  }

  /// Reads a part of a dataset, and nothing else of it; without copying it where its bytes lie in one
  /// piece as tensors need them.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - block: Which part.
  /// - Returns: The elements of the block, little-endian, in its shape.
  /// - Throws: As `tensor(_:)`, and `invalidArgument` if the block does not lie within the dataset.
  public func tensor(_ path: String, block: HDF5Block) throws(FlywheelError) -> Tensor {
    try at(path) { (place) throws(FlywheelError) in try source.input(at: place).tensor(block) }
  }

  /// Reads a dataset of texts, of fixed or variable length.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: The texts in row-major order, without what they are padded with.
  /// - Throws: As `dataset(_:)`; `mismatch` if it holds no texts, `unsupported` if one is not UTF-8 or the
  ///   storage is not read, `malformed`, `truncated` or `limitExceeded` if the file's numbers cannot be
  ///   true.
  public func strings(at path: String) throws(FlywheelError) -> [String] {
    try at(path) { (place) throws(FlywheelError) in try source.strings(at: place) }
  }

  /// Reads an attribute.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - path: The group or dataset.
  /// - Returns: Its value; nil if there is no such attribute.
  /// - Throws: `notFound` if there is no such object, `unsupported` if the value is neither numbers
  ///   nor texts, `malformed` or `corrupted` if it is damaged.
  public func attribute(
    _ name: String,
    of path: String = "/"
  ) throws(FlywheelError) -> AttributeValue? {
    try at(path) { (place) throws(FlywheelError) in
      // What may stand in no name is that of none.
      guard !name.utf8.contains(0), let content = try source.attribute(name, of: place) else {
        return nil
      }
      if let value = content.widened { return value }
      throw FlywheelError(
        .unsupported,
        "The attribute '\(name)' holds \(content.obstacle ?? "nothing"); Flywheel reads numbers and "
          + "texts."
      )
    }
  }

  /// All that can be listed, in one walk: datasets, attributes with their exact types, groups that hold nothing,
  /// and by name what no value of ours can say.
  func contents() throws(FlywheelError) -> HDF5Contents {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in try source.contents() }
  }

  /// Opens a dataset, so that its elements can be read in pieces.
  private func input(_ path: String) throws(FlywheelError) -> any HDF5Input {
    try at(path) { (place) throws(FlywheelError) in try source.input(at: place) }
  }

  /// Reads a dataset of any type that can be read or carried, piece by piece.
  ///
  /// A piece has up to 32 MiB. Of chunks that went through filters it has whole rows, so that each is decoded once, if
  /// those have up to 256 MiB; larger rows go by in pieces of that. Beside the piece each processor has memory for a
  /// chunk, however large, and up to twice that between several filters.
  ///
  /// - Parameters:
  ///   - path: Where it is.
  ///   - body: Takes the elements' bytes, row-major and little-endian; the file is free meanwhile.
  /// - Throws: As `tensor(_:)`, what `body` throws, and `limitExceeded` if rows of chunks are so large that each
  ///   chunk would be decoded more than 32 times.
  func read(
    _ path: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let input = try input(path)
    let dataset = input.dataset
    let pieces = try FlywheelError.locating(path: self.path, tensor: dataset.path) {
      () throws(FlywheelError) in
      let element = try dataset.readableElement()
      let whole = try TensorDescription(element: element, shape: dataset.shape)
      try source.limit.check(whole.byteCount, "the elements to read")
      if case .chunked(let chunk, let filters) = dataset.storage, !filters.isEmpty {
        return try HDF5Block.pieces(
          of: dataset.shape,
          elementByteCount: element.byteCount,
          decoding: chunk,
          limit: Self.pieceLimit,
          rowLimit: Self.rowLimit
        )
      }
      return HDF5Block.pieces(
        of: dataset.shape,
        elementByteCount: element.byteCount,
        chunk: dataset.chunk,
        limit: Self.pieceLimit
      )
    }
    for piece in pieces {
      let part = try FlywheelError.locating(path: self.path, tensor: dataset.path) {
        () throws(FlywheelError) in
        let part = try input.elements(of: piece, asTensor: false)
        if part.description.element == .number(.bool) { _ = try part.tensor() }
        return part
      }
      try body(part.bytes)
    }
  }

  /// Does something with a path, and completes the location of errors.
  private func at<Value>(
    _ path: String,
    _ body: (HDF5Path) throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    let place = try place(path)
    return try located(place) { () throws(FlywheelError) in try body(place) }
  }

  private func place(_ path: String) throws(FlywheelError) -> HDF5Path {
    try FlywheelError.locating(path: self.path) { () throws(FlywheelError) in try HDF5Path(path) }
  }

  private func located<Value>(
    _ place: HDF5Path,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    try FlywheelError.locating(path: path, tensor: place.description, body)
  }
}
