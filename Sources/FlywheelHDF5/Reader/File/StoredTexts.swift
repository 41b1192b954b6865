internal import FlywheelCore

/// Texts as a file has them: of fixed length, or references to the global heap.
struct StoredTexts {
  /// What their elements are: bytes.
  let element: ElementType

  private let file: StructureFile
  private let isVariable: Bool

  /// Knows how texts of a type are read; nil if it is no type of texts.
  ///
  /// - Parameters:
  ///   - datatype: The type.
  ///   - file: The file.
  init?(_ datatype: Datatype, in file: StructureFile) {
    let byteCount = datatype.byteCount
    switch datatype.kind {
    case .text:
      (isVariable, element) = (
        false, .opaque(OpaqueType(name: "|S\(byteCount)", byteCount: byteCount))
      )
    case .variableText:
      (isVariable, element) = (
        true, .opaque(OpaqueType(name: "|V\(byteCount)", byteCount: byteCount))
      )
    default: return nil
    }
    self.file = file
  }

  /// How much memory a text takes until it is read, but for the bytes of a long one: its element, and a string first
  /// as one that may be missing.
  var byteCount: Int {
    element.byteCount + MemoryLayout<String?>.stride + MemoryLayout<String>.stride
  }

  /// The texts that elements hold, without what they are padded with.
  ///
  /// - Parameter elements: The elements, as `DatasetInput` gives them.
  /// - Throws: `malformed` or `truncated` if a reference leads nowhere, `limitExceeded` for more text than the
  ///   file has.
  /// - Returns: The texts; nil for those that are not UTF-8.
  func texts(_ elements: StoredBytes) throws(FlywheelError) -> [String?] {
    // What the strings take in memory, which many objects may ask for of the same bytes.
    let count = elements.count / max(1, element.byteCount)
    let (size, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<String?>.stride)
    try file.image.meter?.spend(overflow ? .max : size)
    let texts = isVariable ? try referred(elements, count) : fixed(elements)
    guard !texts.contains(where: { $0?.hasTooManyCombiningMarks == true }) else {
      throw FlywheelError.tooManyCombiningMarks(
        at: .init(byteOffset: UInt64(elements.fileOffset))
      )
    }
    return texts
  }

  private func fixed(_ elements: StoredBytes) -> [String?] {
    let byteCount = element.byteCount
    return stride(from: 0, to: elements.count, by: byteCount).map { first in
      Self.text(elements.part(first..<first + byteCount))
    }
  }

  private func referred(
    _ elements: StoredBytes,
    _ count: Int
  ) throws(FlywheelError) -> [String?] {
    // A length, an address, and a number.
    let referenceByteCount = 4 + file.image.offsetSize + 4
    guard element.byteCount == referenceByteCount else {
      throw FlywheelError.malformed(
        found: "references of \(element.byteCount) bytes to texts",
        expected: "\(referenceByteCount) bytes",
        at: .init(byteOffset: UInt64(elements.fileOffset))
      )
    }
    let fileByteCount = file.image.storage.byteCount
    let limit = max(file.limit.fillLimit, fileByteCount)
    var total = 0
    var texts: [String?] = []
    texts.reserveCapacity(count)
    try file.referredTexts(elements) { (bytes) throws(FlywheelError) in
      guard let bytes else { return texts.append("") }
      // Many references may lead to one text, which in a sound file has one.
      total += bytes.count
      guard total <= limit else {
        throw FlywheelError(
          .limitExceeded,
          "The texts have more than \(total) bytes, the file only \(fileByteCount); it is damaged."
        )
      }
      try file.image.meter?.spend(bytes.count)
      texts.append(Self.text(bytes))
    }
    return texts
  }

  /// A text up to its first zero; nil if it is not UTF-8.
  private static func text(_ bytes: StoredBytes) -> String? {
    // Read here and not kept.
    unsafe bytes.span.withUnsafeBytes { buffer in
      unsafe String(validating: buffer.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
