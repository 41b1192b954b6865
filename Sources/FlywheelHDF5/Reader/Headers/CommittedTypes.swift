internal import FlywheelCore
internal import Synchronization

/// The datatypes that are objects of their own, of each of which the header is read once.
///
/// Any number of datasets and attributes can have one, and its header can be as large as the file: read for each of
/// them, a file of a few megabytes could ask for hours. Format specification, section IV.A.2, "Shared Message".
final class CommittedTypes: Sendable {
  private let image: FileImage
  private let known: Mutex<Known>

  /// What is not read again.
  private struct Known {
    /// What the messages say, by the addresses of their headers.
    var contents: [UInt64: StoredBytes] = [:]
    var budget: ReadingBudget
  }

  /// Reads nothing yet.
  ///
  /// - Parameter image: The file.
  init(in image: FileImage) {
    self.image = image
    known = Mutex(Known(budget: ReadingBudget(of: image)))
  }

  /// What the datatype message of an object says.
  ///
  /// - Parameters:
  ///   - address: Where the object's header is.
  ///   - place: Where in the file that is said, for the error.
  /// - Throws: As `ObjectHeader`; `malformed` if the object has no datatype of its own, or headers overlap;
  ///   `limitExceeded` if a walk has looked at too much.
  /// - Returns: The content of the message.
  func content(at address: UInt64, saidAt place: Int) throws(FlywheelError) -> StoredBytes {
    if let content = known.withLock({ $0.contents[address] }) {
      // The type is read again by whoever asks.
      try image.meter?.spend(content.count)
      return content
    }
    let header = try ObjectHeader(at: address, in: image)
    guard let message = header.first(.datatype), !message.isShared else {
      throw FlywheelError.malformed(
        found: "the address of an object without a datatype of its own",
        expected: "a committed datatype",
        at: .init(byteOffset: UInt64(place))
      )
    }
    let content = message.content(in: image)
    try known.withLock { (known) throws(FlywheelError) in
      // Another thread may have been faster.
      guard known.contents[address] == nil else { return }
      try known.budget.spend(header.byteCount, "headers", of: "committed datatypes", at: place)
      known.contents[address] = content
    }
    return content
  }
}
