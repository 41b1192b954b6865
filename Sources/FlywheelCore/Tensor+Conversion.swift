internal import CFlywheelKernels

extension Tensor {
  /// The same numbers in another dtype.
  ///
  /// Each is rounded once, and the bits do not depend on the CPU.
  ///
  /// - **To a float of fewer bits, and from an integer to a float**: the nearest number, of two the one
  ///   with an even pattern. From half a step beyond the largest number on it is infinity, and NaN in
  ///   `float8_e4m3fn`, which has no infinity. Small numbers become subnormal, then zero.
  /// - **To a float of more bits**: exact.
  /// - **NaN** stays NaN, becomes quiet, and keeps its sign and the upper bits of its payload, as far as
  ///   the formats have any.
  /// - **To an integer**: the part in front of the point, which must fit.
  /// - **From `bool`**: 0 or 1. **To `bool`**: whether it is not zero; NaN is not, -0 is.
  /// - **To a complex number**: the imaginary part is zero. **From a complex number**: the real part; the
  ///   imaginary one must be zero, unless the target is complex or `bool`.
  ///
  /// numpy with `ml_dtypes` 0.6 and PyTorch 2.13 do the same for most numbers. But on the way to small
  /// floats they round to `float32` first (numpy's own `float16` excepted), which may end at the second
  /// nearest number; PyTorch turns what is too large for `float8_e4m3fn`, infinity too, into 448; an
  /// integer that does not fit loses its upper bits; and each has NaN patterns of its own.
  ///
  /// - Parameter target: The dtype of the result.
  /// - Returns: A tensor of its own memory, or this one if it has that dtype.
  /// - Throws: `invalidArgument`, with its index, for the first element that the target does not hold;
  ///   `malformed` for the first byte of a `bool` tensor that is neither 0 nor 1; `limitExceeded` if
  ///   there is no memory for the result.
  public func converted(to target: DType) throws(FlywheelError) -> Tensor {
    guard target != dtype else { return self }
    try checkTruthValues()
    let areBothComplex = dtype.kind == .complex && target.kind == .complex
    let steps =
      areBothComplex
      ? ConversionRoute.steps(from: dtype.part, to: target.part)
      : ConversionRoute.steps(from: dtype, to: target)
    let count = shape.elementCount * (areBothComplex ? 2 : 1)
    var converted = 0
    let storage = try unsafe TensorStorage(byteCount: shape.byteCount(of: target)) {
      (buffer) throws(FlywheelError) in
      converted = unsafe bytes.withUnsafeBytes { source in
        // The steps begin with this tensor's dtype and end with that of `buffer`, which has `count` of it.
        unsafe fw_convert(steps, steps.count, source.baseAddress, buffer.baseAddress, count)
      }
      guard converted == count else { throw try misfit(at: converted, in: target) }
    }
    return try Tensor(dtype: target, shape: shape, storage: storage)
  }

  /// Refuses bytes that are no truth value; a Swift `Bool` made of them would have no defined value.
  ///
  /// Tensors of other dtypes pass.
  ///
  /// - Throws: `malformed`, with the first one's place.
  package func checkTruthValues() throws(FlywheelError) {
    guard dtype == .bool else { return }
    try bytes.checkTruthValues(fileOffset: storage.isMapped ? byteOffset : nil)
  }

  /// Where an element lies in the file; in memory of our own its place would tell nobody anything.
  private func location(ofElement index: Int) -> FlywheelError.Location {
    guard storage.isMapped else { return .init() }
    return .init(byteOffset: UInt64(byteOffset + index * dtype.byteCount))
  }

  /// What is wrong with an element that another dtype does not hold.
  private func misfit(at index: Int, in target: DType) throws(FlywheelError) -> FlywheelError {
    let element = try Tensor(
      dtype: dtype,
      shape: Shape([]),
      storage: storage,
      byteOffset: byteOffset + index * dtype.byteCount
    )
    let text: String
    switch dtype.kind {
    case .bool, .signedInteger:
      text = try "\(element.converted(to: .int64).elements(as: Int64.self)[0])"
    case .unsignedInteger:
      text = try "\(element.converted(to: .uint64).elements(as: UInt64.self)[0])"
    case .floatingPoint:
      text = try "\(element.converted(to: .float64).elements(as: Double.self)[0])"
    case .complex:
      let number = try element.converted(to: .complex128).elements(as: Complex128.self)[0]
      text = "\(number.real) + \(number.imaginary)i"
    }
    return FlywheelError(
      .invalidArgument,
      "Element \(index) is \(text), which \(target.rawValue) does not hold; convert to a dtype that does.",
      at: location(ofElement: index)
    )
  }
}

extension RawSpan {
  /// Refuses bytes that are no truth value.
  ///
  /// - Parameters:
  ///   - firstIndex: The index of the first byte among the elements that it is one of.
  ///   - fileOffset: Where it lies in the file; nil for memory of our own, where its place would tell nobody
  ///     anything.
  /// - Throws: `malformed`, with the first one's place.
  package func checkTruthValues(
    firstIndex: Int = 0,
    fileOffset: Int? = nil
  ) throws(FlywheelError) {
    let place = unsafe withUnsafeBytes { buffer in unsafe buffer.firstIndex { $0 > 1 } }
    guard let place else { return }
    let byte = unsafe unsafeLoad(fromByteOffset: place, as: UInt8.self)
    throw FlywheelError.malformed(
      found: "the byte \(byte) as element \(firstIndex + place) of a bool tensor",
      expected: "0 or 1",
      at: .init(byteOffset: fileOffset.map { UInt64($0 + place) })
    )
  }
}
