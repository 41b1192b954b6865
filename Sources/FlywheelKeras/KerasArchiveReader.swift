public import FlywheelCore
import FlywheelHDF5
import OrderedCollections
public import SystemPackage

/// A file of Keras, open for reading: a .keras archive or the directory of one, a legacy .h5, or the shards of
/// a .weights.json.
///
/// A variable's key is the path of its layers and its own name, `layers/dense/kernel`; what the optimizer keeps
/// for it is `optimizer/momentum/dense/kernel`, beside `optimizer/iteration`. Both are the same whatever file of
/// Keras holds them. What cannot be named for certain keeps its path in the file, such as
/// `layers/my_layer/vars/0`. The JSON documents of model and training are attributes of the whole.
public final class KerasArchiveReader: ArchiveReader {
  /// The file, or the directory.
  public let path: FilePath
  /// Whether the file's own checksum was compared: that of a .keras archive was when it was opened.
  public let hasChecksums: Bool

  private let files: [HDF5ArchiveReader]
  private let places: OrderedDictionary<String, Place>
  private let facts: ArchiveMetadata

  /// Where an array lies.
  struct Place {
    /// Which file it is in.
    var file: Int
    /// Its path there.
    var key: String
  }

  /// Opens a file, and finds the names of what is in it.
  ///
  /// - Parameter path: The file, or the directory.
  /// - Throws: `notFound`, `inputOutput`; `malformed`, `corrupted` or `truncated` if it is damaged, or lists what
  ///   is not in it; `unsupported` for links to other places, and for what TensorFlow or numpy wrote of a
  ///   model; `limitExceeded` if it asks for more memory than it can justify.
  public convenience init(opening path: FilePath) throws(FlywheelError) {
    do throws(FlywheelError) {
      self.init(try KerasContents(of: path), path: path)
    } catch {
      throw error.located(path: path)
    }
  }

  private init(_ contents: KerasContents, path: FilePath) {
    self.path = path
    hasChecksums = contents.hasChecksums
    files = contents.files
    places = contents.places
    facts = contents.metadata
    origin = ArchiveOrigin(order: contents.tellsOrder ? .kept : .lost, dialect: "keras_named")
  }

  /// Under the names of Keras, in the order of the model's layers if its configuration tells their calls: a
  /// class of its own keeps them in that of its attributes.
  public let origin: ArchiveOrigin

  /// What reads the HDF5 files in it, with its version.
  public var readerDescription: String? { files.first?.readerDescription }

  /// Lists the arrays: those of the model in its order, those of the optimizer in its own, then the others.
  ///
  /// - Throws: `malformed` or `corrupted` if one of them is damaged.
  /// - Returns: The arrays.
  public func members() throws(FlywheelError) -> [ArchiveMember] {
    var members: [ArchiveMember] = []
    members.reserveCapacity(places.count)
    for (key, place) in places {
      if let member = try member(key, at: place) { members.append(member) }
    }
    return members
  }

  /// Looks at one array without reading its elements.
  ///
  /// - Parameter key: Its name.
  /// - Throws: As `members()`.
  /// - Returns: What it is; nil if there is none of this name.
  public func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    try places[key].flatMap { (place) throws(FlywheelError) in try member(key, at: place) }
  }

  private func member(_ key: String, at place: Place) throws(FlywheelError) -> ArchiveMember? {
    try files[place.file].member(place.key).map { found in
      ArchiveMember(key: key, content: found.content, storage: found.storage)
    }
  }

  /// What the file says besides.
  ///
  /// The JSON documents as they are, versions, and attributes of groups under the names that are used here;
  /// what only serves to hold the arrays is left out.
  ///
  /// - Throws: Nothing.
  public func metadata() throws(FlywheelError) -> ArchiveMetadata { facts }

  /// Reads an array; without copying it where its bytes lie as tensors need them.
  ///
  /// - Parameter key: Its name.
  /// - Throws: As `HDF5ArchiveReader.tensor(_:)`.
  /// - Returns: The elements; nil if there is no array of this name.
  public func tensor(_ key: String) throws(FlywheelError) -> Tensor? {
    try places[key].flatMap { (place) throws(FlywheelError) in
      try files[place.file].tensor(place.key)
    }
  }

  /// Reads several arrays, with all processors where that is faster.
  ///
  /// - Parameter keys: Their names.
  /// - Throws: As `tensor(_:)`, for the first that cannot be read.
  /// - Returns: A tensor for each key; nil where there is no array of that name.
  public func tensors(_ keys: [String]) throws(FlywheelError) -> [Tensor?] {
    var tensors = [Tensor?](repeating: nil, count: keys.count)
    for (index, file) in files.enumerated() {
      let wanted = keys.indices.filter { places[keys[$0]]?.file == index }
      let found = try file.tensors(wanted.compactMap { places[keys[$0]]?.key })
      for (place, tensor) in zip(wanted, found) { tensors[place] = tensor }
    }
    return tensors
  }

  /// Reads an array of any type piece by piece.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - body: Takes the elements' bytes.
  /// - Throws: `notFound`, as `tensor(_:)`, and what `body` throws.
  public func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard let place = places[key] else {
      throw FlywheelError(
        .notFound,
        "There is no array of this name; 'flywheel inspect' lists what there is.",
        at: .init(path: path, tensor: key)
      )
    }
    try files[place.file].read(place.key, body)
  }
}
