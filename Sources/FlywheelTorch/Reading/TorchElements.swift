internal import CFlywheelKernels
import FlywheelCore

/// The elements of a tensor as a file has them, on their way to row-major, little-endian and their true signs.
struct TorchElements {
  private let tensor: TorchTensor
  private let areSwapped: Bool

  /// - Parameters:
  ///   - tensor: Where they lie.
  ///   - isBigEndian: Whether they lie with their high bytes first.
  init(_ tensor: TorchTensor, isBigEndian: Bool) {
    self.tensor = tensor
    areSwapped = isBigEndian && tensor.type.partByteCount > 1
  }

  /// How many bytes are handed out at once: what stays in a processor's cache until it has been used.
  private static let pieceByteCount = 1 << 18

  /// Whether each element has other bytes than in the file.
  private var areChanged: Bool { areSwapped || !tensor.signs.isEmpty }

  /// Where in the file's storage the bytes from the first element to the last one lie.
  private func range(at offset: Int) -> Range<Int> {
    // The tensor lies in its storage, so that none of this overflows.
    let start = offset + tensor.byteOffset
    return start..<start + (tensor.elements.reach ?? 0) * tensor.array.element.byteCount
  }

  // MARK: Tensors

  /// The elements as a tensor: a view of them where they lie as tensors need them.
  ///
  /// - Parameters:
  ///   - storage: What holds the storage's bytes.
  ///   - offset: Where in it they begin.
  /// - Throws: `unsupported` if they are opaque, `malformed` for truth values that are neither true nor
  ///   false, `limitExceeded` if there is no memory.
  /// - Returns: The tensor.
  func tensor(in storage: TensorStorage, at offset: Int) throws(FlywheelError) -> Tensor {
    guard let dtype = tensor.array.element.dtype else {
      throw FlywheelError(
        .unsupported,
        "The elements are of type torch.\(tensor.type.name): they can be converted to another file, but they "
          + "are no numbers that Flywheel computes with."
      )
    }
    let range = range(at: offset)
    let source = storage.bytes.extracting(range)
    if tensor.elements.areContiguous, !areChanged,
      range.lowerBound.isMultiple(of: tensor.type.partByteCount)
    {
      if dtype == .bool {
        try source.checkTruthValues(fileOffset: storage.isMapped ? range.lowerBound : nil)
      }
      return try Tensor(
        dtype: dtype,
        shape: tensor.array.shape,
        storage: storage,
        byteOffset: range.lowerBound
      )
    }
    let gathered = try unsafe TensorStorage(byteCount: tensor.array.byteCount) {
      (target) throws(FlywheelError) in
      guard areChanged else {
        // As many bytes as the elements have.
        unsafe tensor.elements.gather(from: source, into: target)
        return
      }
      var end = 0
      try readPieces(source) { (piece) throws(FlywheelError) in
        let start = end
        end += piece.byteCount
        // All pieces together have as many bytes as the target.
        unsafe change(piece, into: UnsafeMutableRawBufferPointer(rebasing: target[start..<end]))
      }
    }
    let result = try Tensor(dtype: dtype, shape: tensor.array.shape, storage: gathered)
    try result.checkTruthValues()
    return result
  }

  // MARK: Pieces

  /// Hands out the elements, row-major and little-endian, in memory that does not grow with them.
  ///
  /// - Parameters:
  ///   - storage: What holds the storage's bytes.
  ///   - offset: Where in it they begin.
  ///   - body: Takes the pieces.
  /// - Throws: `malformed` for truth values that are neither true nor false, and what `body` throws.
  func read(
    _ storage: TensorStorage,
    at offset: Int,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let isTruth = tensor.array.element == .number(.bool)
    var changed: [UInt8] = []
    var count = 0
    try readPieces(storage.bytes.extracting(range(at: offset))) { (piece) throws(FlywheelError) in
      if isTruth { try piece.checkTruthValues(firstIndex: count) }
      count += piece.byteCount
      guard areChanged else {
        try body(piece)
        return
      }
      if changed.count < piece.byteCount {
        changed = [UInt8](repeating: 0, count: piece.byteCount)
      }
      // The buffer has room for the piece.
      unsafe changed.withUnsafeMutableBytes { target in
        let front = unsafe UnsafeMutableRawBufferPointer(rebasing: target[..<piece.byteCount])
        unsafe change(piece, into: front)
      }
      try body(changed.rawBytes.extracting(first: piece.byteCount))
    }
  }

  /// Hands out the elements row-major, in pieces of whole elements, with the bytes that they have in the file.
  private func readPieces(
    _ source: RawSpan,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard tensor.elements.areContiguous else {
      try tensor.elements.read(from: source, pieceByteCount: Self.pieceByteCount, body)
      return
    }
    for start in stride(from: 0, to: source.byteCount, by: Self.pieceByteCount) {
      try body(source.extracting(start..<min(start + Self.pieceByteCount, source.byteCount)))
    }
  }

  /// Copies whole elements, with their bytes in our order and with their true signs.
  @unsafe private func change(_ source: RawSpan, into target: UnsafeMutableRawBufferPointer) {
    let size = tensor.type.partByteCount
    unsafe source.withUnsafeBytes { source in
      // Both have as many bytes.
      if areSwapped {
        unsafe fw_swap_bytes(source.baseAddress, target.baseAddress, source.count / size, size)
      } else {
        unsafe target.copyMemory(from: source)
      }
    }
    let isConjugate = tensor.signs.contains(.conjugate)
    let isNegative = tensor.signs.contains(.negative)
    // The sign of each part, or of every other one, is the first bit of its last byte.
    if isNegative {
      for place in stride(from: size - 1, to: target.count, by: size) {
        unsafe target[place] ^= 0x80
      }
    }
    if isConjugate {
      for place in stride(from: 2 * size - 1, to: target.count, by: 2 * size) {
        unsafe target[place] ^= 0x80
      }
    }
  }
}
