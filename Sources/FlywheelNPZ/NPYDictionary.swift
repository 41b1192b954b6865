import FlywheelCore

/// The dictionary in the header of a .npy file, before the type of the elements is understood.
///
/// Headers of up to 1 MiB are read, where numpy needs to be asked for more than 10,000 characters: it hands
/// them to Python's own parser, which long ones can crash; here time and memory grow with the length.
struct NPYDictionary {
  /// The type of the elements.
  let descr: PythonLiteral
  let isFortranOrder: Bool
  let shape: Shape
  /// Where in the file the extents are.
  let shapeOffset: Int
  /// The number of bytes of the whole header.
  let byteCount: Int

  /// The most bytes that the text of a header may have.
  private static let byteLimit = 1 << 20

  init(parsing bytes: RawSpan) throws(FlywheelError) {
    let (version, text) = try Self.text(in: bytes)
    guard text.upperBound <= bytes.byteCount else {
      throw FlywheelError.truncated(
        "the .npy header",
        needed: UInt64(text.count),
        available: UInt64(bytes.byteCount - text.lowerBound),
        at: .init(byteOffset: UInt64(text.lowerBound))
      )
    }
    var reader = PythonLiteralReader(
      unsafe bytes.extracting(text).withUnsafeBytes { unsafe [UInt8]($0) },
      encoding: version < 3 ? .latin1 : .utf8,
      origin: text.lowerBound
    )
    let root = try reader.readAll()
    guard case .dictionary(let members) = root.value else {
      throw Self.malformed(root, expected: "a dictionary")
    }
    var descr: PythonLiteral?
    var order: PythonLiteral?
    var extents: PythonLiteral?
    for (name, value) in members {
      let isNew: Bool
      switch name.value {
      case .string("descr"): isNew = Self.set(&descr, value)
      case .string("fortran_order"): isNew = Self.set(&order, value)
      case .string("shape"): isNew = Self.set(&extents, value)
      default: throw Self.malformed(name, expected: "'descr', 'fortran_order' or 'shape'")
      }
      guard isNew else { throw Self.malformed(name, expected: "each name once") }
    }
    guard let descr, let order, let extents else {
      throw FlywheelError.malformed(
        found: "\(members.count) names in the .npy header",
        expected: "'descr', 'fortran_order' and 'shape'",
        at: .init(byteOffset: UInt64(root.offset))
      )
    }
    self.descr = descr
    guard case .bool(let isFortranOrder) = order.value else {
      throw Self.malformed(order, expected: "True or False")
    }
    self.isFortranOrder = isFortranOrder
    shape = try Shape(extents)
    shapeOffset = extents.offset
    byteCount = text.upperBound
  }

  /// Sets what is not set yet; false if it is.
  private static func set(_ member: inout PythonLiteral?, _ value: PythonLiteral) -> Bool {
    defer { member = value }
    return member == nil
  }

  /// The version of a header, and where its text lies; there may be fewer bytes than that.
  ///
  /// - Parameter bytes: The front of the file.
  /// - Throws: As `NPYHeader.init(parsing:)`.
  /// - Returns: The major number of the version, and the text's range.
  static func text(
    in bytes: RawSpan
  ) throws(FlywheelError) -> (version: UInt8, range: Range<Int>) {
    var reader = ByteReader(bytes)
    let magic = try reader.take(min(6, max(1, bytes.byteCount)), "a .npy file's signature")
    for (place, byte) in NPYHeader.magic.enumerated() where place < magic.byteCount {
      guard unsafe magic.unsafeLoad(fromByteOffset: place, as: UInt8.self) == byte else {
        throw FlywheelError.malformed(
          found: "other bytes",
          expected: "the signature of a .npy file, \\x93NUMPY",
          at: .init(byteOffset: UInt64(place))
        )
      }
    }
    _ = try reader.take(6 - magic.byteCount, "a .npy file's signature")
    let version = try reader.readLittleEndian(UInt8.self, "a .npy file's version")
    let minor = try reader.readLittleEndian(UInt8.self, "a .npy file's version")
    guard (1...3).contains(version), minor == 0 else {
      throw FlywheelError(
        .unsupported,
        "Found version \(version).\(minor) of the .npy format where 1.0, 2.0 or 3.0 was expected; save it "
          + "with numpy.save of numpy 2.",
        at: .init(byteOffset: 6)
      )
    }
    let place = reader.offset
    let length =
      version == 1
      ? Int(try reader.readLittleEndian(UInt16.self, "the length of the .npy header"))
      : Int(try reader.readLittleEndian(UInt32.self, "the length of the .npy header"))
    guard length <= byteLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Found a .npy header of \(length) bytes where at most \(byteLimit) were expected; the file is "
          + "damaged, or its records have too many fields: save them as separate arrays.",
        at: .init(byteOffset: UInt64(place))
      )
    }
    return (version, reader.offset..<reader.offset + length)
  }

  private static func malformed(_ literal: PythonLiteral, expected: String) -> FlywheelError {
    .malformed(
      found: "\(literal.kind) in the .npy header",
      expected: expected,
      at: .init(byteOffset: UInt64(literal.offset))
    )
  }
}

extension Shape {
  /// Reads the extents of an array, or of a field of a record.
  ///
  /// - Parameter literal: A tuple of integers.
  /// - Throws: `malformed` if it is none, `limitExceeded` for more axes than numpy has.
  init(_ literal: PythonLiteral) throws(FlywheelError) {
    guard case .tuple(let axes) = literal.value else {
      throw FlywheelError.malformed(
        found: literal.kind,
        expected: "a tuple of extents, such as (3,) or (30, 784)",
        at: .init(byteOffset: UInt64(literal.offset))
      )
    }
    guard axes.count <= NPYHeader.rankLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Found \(axes.count) axes where numpy has at most \(NPYHeader.rankLimit).",
        at: .init(byteOffset: UInt64(literal.offset))
      )
    }
    var extents: [Int] = []
    for axis in axes {
      guard case .integer(let extent) = axis.value, extent >= 0 else {
        throw FlywheelError.malformed(
          found: "\(axis.kind) as an extent",
          expected: "an integer that is not negative",
          at: .init(byteOffset: UInt64(axis.offset))
        )
      }
      extents.append(extent)
    }
    do throws(FlywheelError) {
      try self.init(extents)
    } catch {
      throw error.located(byteOffset: literal.offset)
    }
  }
}
