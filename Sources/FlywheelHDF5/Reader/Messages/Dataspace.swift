internal import FlywheelCore

/// The extents of a dataset or an attribute.
///
/// Format specification, section IV.A.2.b.
enum Dataspace: Sendable, Hashable {
  /// One element.
  case scalar
  /// Elements along axes, and how many the axes can grow to, nil without a limit; nil if they cannot grow.
  case simple(Shape, limits: [Int?]?)
  /// No elements, not even zero of them.
  case null

  /// The most axes that there are.
  static let rankLimit = 32

  /// The shape; nil if there are no elements.
  var shape: Shape? {
    switch self {
    case .scalar: .scalar
    case .simple(let shape, _): shape
    case .null: nil
    }
  }

  /// How many elements each axis can grow to, nil without a limit: several indexes number chunks by these.
  var limits: [Int?] {
    switch self {
    case .scalar, .null: []
    case .simple(let shape, let limits): limits ?? shape.extents
    }
  }

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is no dataspace, `unsupported` for a newer version,
  ///   `limitExceeded` if the extents overflow.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let version = try fields.version(1...2, of: "a dataspace")
    let rankPlace = fields.place
    let rank = Int(try fields.uint8("a dataspace's rank"))
    guard rank <= Self.rankLimit else {
      throw fields.malformed(
        "a dataspace with \(rank) axes",
        expected: "at most \(Self.rankLimit)",
        at: rankPlace
      )
    }
    let flags = try fields.uint8("a dataspace's flags")
    switch (version, try fields.uint8("a dataspace's kind"), rank) {
    case (1, _, 0), (2, 0, 0): self = .scalar
    case (2, 2, 0): self = .null
    case (1, _, _), (2, 1, _):
      if version == 1 { try fields.skip(4, "a dataspace's padding") }
      self = try Self.simple(&fields, rank: rank, hasLimits: flags & 0x01 != 0)
    case (_, let kind, _):
      throw fields.malformed(
        "a dataspace of kind \(kind) with \(rank) axes",
        expected: "a scalar, axes or nothing",
        at: rankPlace
      )
    }
  }

  private static func simple(
    _ fields: inout FieldReader,
    rank: Int,
    hasLimits: Bool
  ) throws(FlywheelError) -> Dataspace {
    let place = fields.place
    let extents = try Self.extents(&fields, rank)
    let shape: Shape
    do throws(FlywheelError) {
      shape = try Shape(extents)
    } catch {
      throw error.located(byteOffset: place)
    }
    guard hasLimits else { return .simple(shape, limits: nil) }
    return .simple(shape, limits: try limits(&fields, of: extents))
  }

  private static func extents(
    _ fields: inout FieldReader,
    _ rank: Int
  ) throws(FlywheelError) -> [Int] {
    var extents: [Int] = []
    extents.reserveCapacity(rank)
    for _ in 0..<rank {
      let place = fields.place
      guard let extent = Int(exactly: try fields.length("an extent")) else {
        throw FlywheelError.overflow("a dataspace", at: .init(byteOffset: UInt64(place)))
      }
      extents.append(extent)
    }
    return extents
  }

  /// How many elements each axis can grow to; nil if none can.
  private static func limits(
    _ fields: inout FieldReader,
    of extents: [Int]
  ) throws(FlywheelError) -> [Int?]? {
    // Most datasets cannot grow, though they say it at length.
    var limits: [Int?]?
    for (axis, extent) in extents.enumerated() {
      let place = fields.place
      let limit = try fields.limit("the limit of an extent")
      if let limit, limit == UInt64(extent) { continue }
      guard let limit else {
        limits = limits ?? extents
        limits?[axis] = nil
        continue
      }
      guard let count = Int(exactly: limit), count >= extent else {
        throw fields.malformed(
          "an extent of \(extent) with the limit \(limit)",
          expected: "a limit that is not less",
          at: place
        )
      }
      limits = limits ?? extents
      limits?[axis] = count
    }
    return limits
  }
}

extension FieldReader {
  /// Reads a length that may be without limit, which is nil then.
  @_lifetime(self: copy self)
  fileprivate mutating func limit(_ what: StaticString) throws(FlywheelError) -> UInt64? {
    let start = position
    let limit = try length(what)
    let size = position - start
    return limit == UInt64.max >> UInt64(64 - 8 * size) ? nil : limit
  }
}
