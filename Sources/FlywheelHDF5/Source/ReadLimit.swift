internal import FlywheelCore

/// How much memory a file can justify.
struct ReadLimit: Sendable {
  /// The most bytes that one byte of deflate can stand for.
  private static let largestExpansion = 1_032

  /// The size of the file.
  let fileByteCount: Int
  /// The most bytes that its size need not justify: chunks that were never written are all fill value.
  let fillLimit: Int

  /// The most bytes of elements, of one dataset or of all: each has its bytes in the file for itself.
  var elementLimit: Int {
    let (product, overflow) = fileByteCount.multipliedReportingOverflow(by: Self.largestExpansion)
    return max(fillLimit, overflow ? .max : product)
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
          + "\(Self.largestExpansion) times its own \(fileByteCount), and more than \(fillLimit) of "
          + "fill values: it is damaged or nearly empty. Read it block by block, or raise the limit."
      )
    }
  }
}
