internal import FlywheelCore

/// How much memory a file can justify.
struct ReadLimit: Sendable {
  /// The most bytes that one byte of deflate can stand for.
  private static let largestExpansion = 1_032

  /// The size of the file.
  let fileByteCount: Int
  /// The most bytes that its size need not justify: chunks that were never written are all fill value.
  let fillLimit: Int
  /// The size of what was inflated to give the file; its own if nothing was.
  private let storedByteCount: Int

  /// Says what there is.
  ///
  /// - Parameters:
  ///   - fileByteCount: The size of the file.
  ///   - fillLimit: The most bytes that its size need not justify.
  ///   - storedByteCount: The size of what was inflated to give the file; nil if nothing was. What deflate can do is
  ///     not justified twice.
  init(fileByteCount: Int, fillLimit: Int, storedByteCount: Int? = nil) {
    self.fileByteCount = fileByteCount
    self.fillLimit = fillLimit
    self.storedByteCount = storedByteCount ?? fileByteCount
  }

  /// The most bytes of elements of one dataset, or of several that are asked for together.
  var elementLimit: Int { max(fillLimit, expandedByteCount) }

  /// The most bytes of elements of all datasets, one after the other.
  ///
  /// Each has its bytes in the file for itself, but for what was never written. Of that there may be more here, as
  /// most callers let go of one dataset before the next.
  var totalLimit: Int {
    let (product, overflow) = fillLimit.multipliedReportingOverflow(by: 16)
    return max(overflow ? .max : product, expandedByteCount)
  }

  /// What all of the file can stand for.
  private var expandedByteCount: Int {
    let (product, overflow) =
      storedByteCount
      .multipliedReportingOverflow(by: Self.largestExpansion)
    return max(fileByteCount, overflow ? .max : product)
  }

  /// The most attributes of all objects: each has at least as many bytes in the file, and is one object's.
  var attributeLimit: Int { fileByteCount / 8 }

  /// Refuses more bytes than the file, or what the caller allows, can justify.
  ///
  /// - Parameters:
  ///   - byteCount: How many the file declares.
  ///   - what: What they are, for the error.
  /// - Throws: `limitExceeded`.
  func check(_ byteCount: Int, _ what: String) throws(FlywheelError) {
    guard byteCount <= elementLimit else {
      throw FlywheelError(
        .limitExceeded,
        "The file declares \(byteCount) bytes for \(what). That is more than "
          + "\(Self.largestExpansion) times its own \(storedByteCount), and more than \(fillLimit) of "
          + "fill values: it is damaged or nearly empty. Read it block by block, or raise the limit."
      )
    }
  }
}
