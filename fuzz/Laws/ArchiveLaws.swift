import FlywheelCore

/// What holds for any file of tensors that can be opened.
enum ArchiveLaws {
  /// Does with an archive all that a user can.
  ///
  /// - Parameters:
  ///   - archive: The archive.
  ///   - attempt: The bytes that it came from.
  ///   - body: Takes the elements of each array that can be read, row-major and little-endian.
  /// - Throws: `BrokenLaw`.
  static func check(
    _ archive: some ArchiveReader,
    _ attempt: Attempt,
    _ body: (TensorDescription, [UInt8]) throws(BrokenLaw) -> Void = { _, _ in }
  ) throws(BrokenLaw) {
    _ = try attempt { () throws(FlywheelError) in try archive.metadata() }
    let members = try attempt { () throws(FlywheelError) in try archive.members() }
    for member in members ?? [] {
      let found = try attempt { () throws(FlywheelError) in try archive.member(member.key) }
      try BrokenLaw.unless(found??.key == member.key, "there is no \(member.key), which is listed")
      let elements = try elements(of: member, in: archive, attempt)
      let tensor = try tensor(of: member, in: archive, attempt, isRead: elements != nil)
      if let tensor { try check(tensor, member, elements) }
      let array = try attempt { () throws(FlywheelError) in try member.array() }
      if let array, let elements {
        try body(array, elements)
      }
    }
    let keys = (members ?? []).map(\.key)
    _ = try attempt { () throws(FlywheelError) in try archive.tensors(keys) }
  }

  /// What a member hands out in pieces; nil if it cannot be read.
  private static func elements(
    of member: ArchiveMember,
    in archive: some ArchiveReader,
    _ attempt: Attempt
  ) throws(BrokenLaw) -> [UInt8]? {
    var elements: [UInt8] = []
    let isRead: Void? = try attempt { () throws(FlywheelError) in
      try archive.read(member.key) { elements.append($0) }
    }
    guard isRead != nil else { return nil }
    let array = try attempt { () throws(FlywheelError) in try member.array() }
    try BrokenLaw.unless(
      array?.byteCount == elements.count,
      "\(member.key) is \(String(describing: array)), but hands out \(elements.count) bytes"
    )
    return elements
  }

  /// A member as a tensor; nil if it cannot be read.
  private static func tensor(
    of member: ArchiveMember,
    in archive: some ArchiveReader,
    _ attempt: Attempt,
    isRead: Bool
  ) throws(BrokenLaw) -> Tensor?? {
    do throws(FlywheelError) {
      return try archive.tensor(member.key)
    } catch {
      try attempt.check(error)
      let isTensor = (try? member.array())?.element.dtype != nil
      // What is read of a file that declares too much counts each time.
      try BrokenLaw.unless(
        !isRead || !isTensor || error.code == .limitExceeded,
        "\(member.key) can be read in pieces, but not as a tensor"
      )
      return .none
    }
  }

  /// A tensor is what its listing says, and has the bytes that come in pieces.
  private static func check(
    _ tensor: Tensor?,
    _ member: ArchiveMember,
    _ elements: [UInt8]?
  ) throws(BrokenLaw) {
    guard let tensor else { throw BrokenLaw("there is no tensor \(member.key), which is listed") }
    let array = try? member.array()
    try BrokenLaw.unless(
      array == TensorDescription(of: tensor),
      "\(member.key) is \(String(describing: array)), but read as \(tensor.dtype) \(tensor.shape)"
    )
    try BrokenLaw.unless(tensor.bytes.isEqual(to: elements), "pieces of \(member.key) are others")
    let statistics = tensor.statistics()
    try BrokenLaw.unless(statistics.count == tensor.shape.elementCount, "elements are missing")
    try BrokenLaw.unless(
      tensor.isFinite == (statistics.finiteCount == statistics.count),
      "\(member.key) is finite, and is not"
    )
  }
}
