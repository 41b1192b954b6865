public import FlywheelCore
public import OrderedCollections
public import SystemPackage

/// Writes tensors as a safetensors file.
///
/// Equal tensors and texts give equal bytes, in any order: those that the format's own library writes for them.
/// What will be written must be announced, as the header comes first; tensors may then come in any order,
/// and go to their places at once.
public final class SafetensorsWriter: ArchiveWriter {
  private let path: FilePath
  /// The file until it is finished; nil afterwards.
  private var output: PlacedOutput?
  private var layout: SafetensorsLayout?
  private var written: Set<String> = []

  /// Begins a file, which appears under its name when it is finished.
  ///
  /// - Parameters:
  ///   - path: The file; one that has the name already stays until then.
  ///   - durability: What `finish()` waits for.
  /// - Throws: `notFound` if the directory is not there, `inputOutput` if it cannot be written.
  public init(
    creating path: FilePath,
    durability: AtomicFile.Durability = .durable
  ) throws(FlywheelError) {
    self.path = path
    output = PlacedOutput(try AtomicFile(replacing: path, durability: durability))
  }

  /// The format has texts, but no other attributes.
  public var holdsMetadata: Bool { false }

  /// Among the types of safetensors are all that numpy has no name for.
  public var namesEveryDType: Bool { true }

  /// Whether there is nothing but texts that belong to the whole file.
  ///
  /// - Parameter metadata: Attributes and empty groups.
  /// - Returns: Whether all of them can be written.
  public func hasRoom(for metadata: ArchiveMetadata) -> Bool {
    SafetensorsLayout.hasRoom(for: metadata)
  }

  /// Throws unless the format has a name for the type of an array.
  ///
  /// - Parameters:
  ///   - description: The array.
  ///   - key: Its name.
  /// - Throws: `unsupported`, with the reason.
  public func requireRoom(
    for description: TensorDescription,
    under key: String
  ) throws(FlywheelError) {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      _ = try SafetensorsLayout.type(of: description, key)
    }
  }

  /// Lays the file out, and writes its header.
  ///
  /// - Parameters:
  ///   - arrays: All that will be written, by name, in any order.
  ///   - metadata: The texts among the attributes of the whole file go into the header; nothing else does.
  /// - Throws: `unsupported` as `requireRoom(for:under:)`, or if the header would be longer than readers take;
  ///   `limitExceeded` if the sizes overflow; `inputOutput`.
  public func announce(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    _ metadata: ArchiveMetadata
  ) throws(FlywheelError) {
    try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      let layout = try SafetensorsLayout(arrays, metadata: SafetensorsLayout.texts(of: metadata))
      try output?.write(layout.front.rawBytes, at: 0)
      self.layout = layout
    }
  }

  /// Writes an array that was announced; a checksum is not needed.
  ///
  /// - Parameters:
  ///   - description: What it is.
  ///   - key: Its name.
  ///   - crc32: The CRC-32 of its bytes.
  ///   - elements: Hands out its bytes.
  /// - Throws: `invalidArgument` if it was announced otherwise or not at all, `alreadyExists` if it was written
  ///   before, `mismatch` if there are more or fewer bytes than described, `inputOutput`, and what `elements` throws.
  public func write(
    _ description: TensorDescription,
    under key: String,
    crc32: UInt32?,
    _ elements: Elements
  ) throws(FlywheelError) {
    try FlywheelError.locating(path: path, tensor: key) { () throws(FlywheelError) in
      guard let place = layout?.places[key], place.description == description else {
        throw FlywheelError(
          .invalidArgument,
          "An array of shape \(description.shape) and type \(description.element) was not announced: the header of "
            + "a safetensors file comes first."
        )
      }
      guard written.insert(key).inserted else {
        throw FlywheelError(.alreadyExists, "There is an array of this name already.")
      }
      var count = ElementCount(description, key)
      var offset = place.range.lowerBound
      try elements { (piece) throws(FlywheelError) in
        try count.take(piece)
        try output?.write(piece, at: offset)
        offset += piece.byteCount
      }
      try count.finish()
    }
  }

  /// Writes nothing: the header, which is written already, has all texts.
  ///
  /// - Parameter metadata: What is left out.
  /// - Throws: Nothing.
  public func write(_ metadata: ArchiveMetadata) throws(FlywheelError) {}

  /// Makes the file durable and gives it its name.
  ///
  /// - Throws: `mismatch` if an array that was announced has not been written, `inputOutput`; a file that had the
  ///   name before is then still there.
  public func finish() throws(FlywheelError) {
    if layout == nil { try announce([:], ArchiveMetadata()) }
    if let missing = layout?.places.keys.first(where: { !written.contains($0) }) {
      throw FlywheelError(
        .mismatch,
        "The array was announced, but has not been written.",
        at: .init(path: path, tensor: missing)
      )
    }
    try output.take()?.commit()
  }
}
