internal import FlywheelCore
internal import Synchronization

/// Reads the objects of a file, those with large headers once.
///
/// Many names can lead to one object. A small header is read again for each of them, which costs little more than the
/// names do; a large one is kept, or a file of a few megabytes could ask for hours and for all memory.
final class ObjectReader: Sendable {
  /// The most bytes of a header that is read again.
  private static let smallByteCount = 1 << 10

  private let image: FileImage
  private let known: Mutex<Known>

  /// What is not read again.
  private struct Known {
    /// Objects with large headers, and those that are too new, by the addresses of their headers.
    var objects: [UInt64: Result<StructureObject, FlywheelError>] = [:]
    /// Headers do not overlap in a sound file, so that all of them together fit it.
    var unread: Int
  }

  /// Reads nothing yet.
  ///
  /// - Parameter image: The file.
  init(in image: FileImage) {
    self.image = image
    known = Mutex(Known(unread: image.storage.byteCount))
  }

  /// Reads an object.
  ///
  /// - Parameter address: Where its header is.
  /// - Throws: As `StructureObject`; `malformed` if large headers overlap.
  /// - Returns: The object.
  func object(at address: UInt64) throws(FlywheelError) -> StructureObject {
    if let found = known.withLock({ $0.objects[address] }) { return try found.get() }
    do throws(FlywheelError) {
      let object = try StructureObject(at: address, in: image)
      if object.header.byteCount > Self.smallByteCount { try keep(object) }
      return object
    } catch {
      // Others end a listing; this one is met again under the next name.
      if error.code == .unsupported { known.withLock { $0.objects[address] = .failure(error) } }
      throw error
    }
  }

  private func keep(_ object: StructureObject) throws(FlywheelError) {
    try known.withLock { (known) throws(FlywheelError) in
      guard known.objects[object.address] == nil else { return }
      guard object.header.byteCount <= known.unread else {
        throw FlywheelError.malformed(
          found: "object headers that overlap",
          expected: "headers each in a place of its own",
          at: .init(byteOffset: image.place(of: object.address))
        )
      }
      known.unread -= object.header.byteCount
      known.objects[object.address] = .success(object)
    }
  }
}
