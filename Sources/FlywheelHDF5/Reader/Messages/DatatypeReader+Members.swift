internal import FlywheelCore

extension DatatypeReader {
  /// Reads the members of a compound type.
  mutating func compound(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    let count = head.bits & 0xFFFF
    guard count > 0 else {
      throw fields.malformed("a compound type without members", expected: "some", at: head.place)
    }
    // Packed offsets have as many bytes as the greatest needs.
    let offsetSize = head.padsNames ? 4 : UInt64.byteCount(upTo: UInt64(head.byteCount))
    var members: [Datatype.Member] = []
    for _ in 0..<count {
      let place = fields.place
      let name = try name(head, "a member's name", &fields)
      let offset = Int(try fields.uint(offsetSize, "a member's offset"))
      let extents = head.version == 1 ? try oldExtents(&fields) : []
      let type = try wrapped(try read(&fields), in: extents, at: place)
      // Both have at most 32 bits.
      guard offset + type.byteCount <= head.byteCount else {
        throw fields.malformed(
          "a member beyond the end of its type",
          expected: "one within",
          at: place
        )
      }
      members.append(.init(name: name, offset: offset, type: type))
    }
    return .compound(members)
  }

  /// Reads the names and values of an enumeration.
  mutating func enumeration(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    let count = head.bits & 0xFFFF
    let base = try read(&fields)
    guard case .integer = base.kind, base.byteCount == head.byteCount else {
      throw fields.malformed(
        "an enumeration of other elements",
        expected: "one of integers of its size",
        at: head.place
      )
    }
    var names: [String] = []
    for _ in 0..<count { names.append(try name(head, "an enumeration's name", &fields)) }
    var members: [Datatype.Name] = []
    for name in names {
      let value = try fields.take(base.byteCount, "an enumeration's value")
      // Read here and not kept.
      members.append(.init(name: name, value: unsafe value.withUnsafeBytes { unsafe Array($0) }))
    }
    return .enumeration(base: base, names: members)
  }

  /// Reads the shape and the elements of an array type.
  ///
  /// Those of version 1, which the specification does not have, are in files of HDF5 1.4, and like those of
  /// version 2.
  mutating func array(
    _ head: Head,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> Datatype.Kind {
    let rank = Int(try fields.uint8("an array type's rank"))
    guard (1...Dataspace.rankLimit).contains(rank) else {
      throw fields.malformed("an array type with \(rank) axes", expected: "1 to 32", at: head.place)
    }
    if head.version < 3 { try fields.skip(3, "an array type's padding") }
    let extents = try self.extents(rank, &fields)
    if head.version < 3 { try fields.skip(4 * rank, "an array type's order of axes") }
    let array = try wrapped(try read(&fields), in: extents, at: head.place)
    guard array.byteCount == head.byteCount else {
      throw fields.malformed(
        "an array type of \(head.byteCount) bytes",
        expected: "\(array.byteCount), as its elements have",
        at: head.place
      )
    }
    return array.kind
  }

  private func name(
    _ head: Head,
    _ what: StaticString,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> String {
    let start = fields.position
    let name = try fields.name(upToZero: what)
    if head.padsNames { try fields.skip(-(fields.position - start) & 7, what) }
    return name
  }

  /// Reads the extents that a member of version 1 has without an array type; none if it is one element.
  private func oldExtents(_ fields: inout FieldReader) throws(FlywheelError) -> [Int] {
    let place = fields.place
    let rank = Int(try fields.uint8("a member's rank"))
    let most = 4
    guard rank <= most else {
      throw fields.malformed("a member with \(rank) axes", expected: "at most \(most)", at: place)
    }
    try fields.skip(11, "a member's order of axes")
    let extents = try self.extents(rank, &fields)
    try fields.skip(4 * (most - rank), "a member's extents")
    return extents
  }

  private func extents(
    _ rank: Int,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> [Int] {
    var extents: [Int] = []
    for _ in 0..<rank {
      let place = fields.place
      let extent = Int(try fields.uint32("an array type's extent"))
      guard extent > 0 else {
        throw fields.malformed("an extent of 0", expected: "elements", at: place)
      }
      extents.append(extent)
    }
    return extents
  }

  /// The array type of elements; their own type if there are no extents.
  private func wrapped(
    _ type: Datatype,
    in extents: [Int],
    at place: Int
  ) throws(FlywheelError) -> Datatype {
    guard !extents.isEmpty else { return type }
    var byteCount = type.byteCount
    for extent in extents {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: extent)
      guard !overflow, product <= UInt32.max else {
        throw FlywheelError.overflow("an array type", at: .init(byteOffset: UInt64(place)))
      }
      byteCount = product
    }
    return Datatype(byteCount: byteCount, kind: .array(of: type, extents: extents))
  }
}
