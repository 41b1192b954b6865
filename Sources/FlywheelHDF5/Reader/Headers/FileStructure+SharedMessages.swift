internal import FlywheelCore

extension FileStructure {
  /// What the first message of a kind says, wherever in the file that is.
  ///
  /// - Parameters:
  ///   - kind: What it tells.
  ///   - header: The object.
  /// - Throws: As `content(of:)`.
  /// - Returns: What it says; nil if there is none.
  func content(
    _ kind: MessageKind,
    of header: ObjectHeader
  ) throws(FlywheelError) -> StoredBytes? {
    guard let message = header.first(kind) else { return nil }
    return message.isShared ? try content(of: message) : message.content(in: image)
  }

  /// What a message says, wherever in the file that is.
  ///
  /// Format specification, section IV.A.2, "Shared Message".
  ///
  /// - Parameter message: The message.
  /// - Throws: `malformed` or `truncated` if it says where something is that is not there, and as
  ///   `ObjectHeader`.
  /// - Returns: Its own content, or that of the one that it stands for.
  func content(of message: HeaderMessage) throws(FlywheelError) -> StoredBytes {
    try content(of: message.kind, message.content(in: image), isShared: message.isShared)
  }

  /// What a message or a part of one says, wherever in the file that is.
  ///
  /// - Parameters:
  ///   - kind: What it tells.
  ///   - content: What is there.
  ///   - isShared: Whether that says only where the real one is.
  /// - Throws: As `content(of:)`.
  /// - Returns: The content, or that of the one that it stands for.
  func content(
    of kind: MessageKind,
    _ content: StoredBytes,
    isShared: Bool
  ) throws(FlywheelError) -> StoredBytes {
    guard isShared else { return content }
    var fields = FieldReader(content, in: image)
    let place = fields.place
    let version = try fields.uint8("a shared message's version")
    let type = try fields.uint8("a shared message's type")
    switch (version, type) {
    case (1, _):
      try fields.skip(6, "a shared message's padding")
      // Where the heap would be of a name, which it has not.
      _ = try fields.length("a shared message's name")
      return try committed(kind, &fields)
    case (2, _), (3, 2):
      return try committed(kind, &fields)
    case (3, 1):
      let start = fields.position
      try fields.skip(8, "a shared message's place")
      return try sharedContent(of: kind, content.part(start..<fields.position))
    default:
      throw fields.malformed(
        "a shared message of version \(version) and type \(type)",
        expected: "one in another header or in the heap",
        at: place
      )
    }
  }

  /// The type that an object of its own holds.
  private func committed(
    _ kind: MessageKind,
    _ fields: inout FieldReader
  ) throws(FlywheelError) -> StoredBytes {
    let place = fields.place
    guard kind == .datatype, let address = try fields.address("a committed datatype's address")
    else {
      throw fields.malformed(
        "a message of kind \(kind.rawValue) in no or another object",
        expected: "a committed datatype",
        at: place
      )
    }
    return try committedTypes.content(at: address, saidAt: place)
  }

  /// The message that lies in the heap that objects share.
  ///
  /// - Parameters:
  ///   - kind: What it tells.
  ///   - id: What names it there.
  /// - Throws: `malformed` if the file shares none, and as `SharedMessageTable.content(of:_:)`.
  /// - Returns: What it says.
  func sharedContent(
    of kind: MessageKind,
    _ id: StoredBytes
  ) throws(FlywheelError) -> StoredBytes {
    guard let sharedMessages else {
      throw FlywheelError.malformed(
        found: "a shared message of kind \(kind.rawValue)",
        expected: "none, as the file has no table of them",
        at: .init(byteOffset: UInt64(id.fileOffset))
      )
    }
    let content = try sharedMessages.content(of: kind, id)
    // What is to fit a header's message; only attributes in heaps have no such limit.
    guard kind == .attribute || content.count <= UInt16.max else {
      throw FlywheelError.malformed(
        found: "a shared message of \(content.count) bytes",
        expected: "at most \(UInt16.max)",
        at: .init(byteOffset: UInt64(id.fileOffset))
      )
    }
    // Its block is read once, and it may be named by each object.
    try image.meter?.spend(content.count)
    return content
  }
}
