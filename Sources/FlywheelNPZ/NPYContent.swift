import FlywheelCore

/// What the bytes of a .npy file turned out to be.
enum NPYContent {
  /// An array, and how many bytes follow it.
  case array(NPYHeader, followingByteCount: Int)
  /// What it is instead, its extents if they are known, and why it cannot be read.
  case unreadable(type: String, shape: Shape?, reason: FlywheelError)

  /// Looks at a .npy file.
  ///
  /// - Parameters:
  ///   - prefix: At least all of its header, if it has one.
  ///   - byteCount: How many bytes the file has.
  init(_ prefix: RawSpan, byteCount: Int) {
    var dictionary: NPYDictionary?
    do throws(FlywheelError) {
      let read = try NPYDictionary(parsing: prefix)
      dictionary = read
      let header = try NPYHeader(read)
      let total = try header.totalByteCount()
      guard total <= byteCount else {
        throw FlywheelError.truncated(
          "an array of shape \(header.array.shape) and type \(header.array.element)",
          needed: UInt64(header.array.byteCount),
          available: UInt64(byteCount - header.byteCount),
          at: .init(byteOffset: UInt64(header.byteCount))
        )
      }
      self = .array(header, followingByteCount: byteCount - total)
    } catch {
      self = .unreadable(
        type: error.code == .unsupported && dictionary != nil ? "Python objects" : "damaged array",
        shape: dictionary?.shape,
        reason: error
      )
    }
  }

  /// The header of the array.
  ///
  /// - Throws: Why there is none that can be read.
  func header() throws(FlywheelError) -> NPYHeader {
    switch self {
    case .array(let header, _): return header
    case .unreadable(_, _, let reason): throw reason
    }
  }

  /// How many bytes follow the array; 0 if there is none.
  var followingByteCount: Int {
    switch self {
    case .array(_, let count): count
    case .unreadable: 0
    }
  }

  /// What a listing shows of it.
  ///
  /// - Parameters:
  ///   - key: Its name.
  ///   - element: The true type of the elements, if it is not the header's.
  ///   - compression: How the container stores it; empty if as it is.
  /// - Throws: `limitExceeded` if elements of that type need too many bytes.
  /// - Returns: The member.
  func member(
    _ key: String,
    as element: ElementType? = nil,
    compression: String = ""
  ) throws(FlywheelError) -> ArchiveMember {
    switch self {
    case .array(let header, let followingByteCount):
      var words = compression.isEmpty ? [] : [compression]
      if header.isBigEndian { words.append("big-endian") }
      if header.isFortranOrder { words.append("Fortran order") }
      if followingByteCount > 0 { words.append("\(followingByteCount) bytes follow") }
      return ArchiveMember(
        key: key,
        content: .array(try header.array(of: element)),
        storage: words.joined(separator: ", ")
      )
    case .unreadable(let type, let shape, let reason):
      return ArchiveMember(
        key: key,
        content: .unreadable(type: type, shape: shape, reason: reason),
        storage: compression
      )
    }
  }

  /// What cannot go into another file: something else than an array, or bytes behind one.
  func obstacle(_ key: String) -> ArchiveMetadata.Obstacle? {
    if case .unreadable("file", _, _) = self {
      return ArchiveMetadata.Obstacle(name: "the file '\(key)'", reason: "is no .npy file")
    }
    guard followingByteCount > 0 else { return nil }
    return ArchiveMetadata.Obstacle(
      name: "the \(followingByteCount) bytes after the array '\(key)'",
      reason:
        "belong to no array of this name; numpy.load would read a second one from them only if it "
        + "were given the open file twice"
    )
  }
}

extension NPYHeader {
  /// The array, with the true type of its elements if it is not the header's.
  func array(of element: ElementType?) throws(FlywheelError) -> TensorDescription {
    try element.map { (element) throws(FlywheelError) in
      try TensorDescription(element: element, shape: array.shape)
    } ?? array
  }
}
