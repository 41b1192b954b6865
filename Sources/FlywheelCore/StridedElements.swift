internal import CFlywheelKernels

/// Elements at regular distances along each axis, on their way to lie one behind the other.
package struct StridedElements: Sendable, Hashable {
  /// The extents, outermost first, of the axes that have to do with how the elements lie: none is one.
  package private(set) var extents: [Int] = []
  /// How many elements further the next one along each axis lies.
  package private(set) var strides: [Int] = []
  /// The number of bytes of one element.
  package let elementByteCount: Int

  /// Describes elements.
  ///
  /// - Parameters:
  ///   - shape: The extents.
  ///   - strides: How many elements further the next one along each axis lies; zero for one that is there
  ///     again.
  ///   - elementByteCount: The number of bytes of one element.
  /// - Precondition: There is a stride for each axis, and none is negative.
  package init(shape: Shape, strides: [Int], elementByteCount: Int) {
    precondition(shape.rank == strides.count, "a stride for each axis")
    self.elementByteCount = elementByteCount
    for (extent, stride) in zip(shape.extents, strides) where extent != 1 {
      precondition(stride >= 0, "no way back")
      let (distance, overflow) = extent.multipliedReportingOverflow(by: stride)
      if let last = self.strides.indices.last, !overflow, self.strides[last] == distance {
        // Two axes that are gone through as one; the shape's own product has fitted an `Int`.
        extents[last] *= extent
        self.strides[last] = stride
      } else {
        extents.append(extent)
        self.strides.append(stride)
      }
    }
  }

  private init(extents: ArraySlice<Int>, strides: ArraySlice<Int>, elementByteCount: Int) {
    self.extents = Array(extents)
    self.strides = Array(strides)
    self.elementByteCount = elementByteCount
  }

  /// The number of elements.
  package var count: Int { extents.contains(0) ? 0 : extents.reduce(1, *) }

  /// The number of elements from the first to the last one as they lie, with both; nil if it overflows.
  package var reach: Int? {
    guard !extents.contains(0) else { return 0 }
    var last = 0
    for (extent, stride) in zip(extents, strides) {
      let (distance, overflow) = (extent - 1).multipliedReportingOverflow(by: stride)
      guard !overflow, distance < .max - last else { return nil }
      last += distance
    }
    return last + 1
  }

  /// Whether the elements lie one behind the other already.
  package var areContiguous: Bool {
    extents.contains(0) || extents.isEmpty || extents.count == 1 && strides[0] == 1
  }

  /// Copies the elements one behind the other.
  ///
  /// - Parameters:
  ///   - source: The bytes from the first element on, at least as many as the elements reach.
  ///   - target: As many bytes as the elements have.
  @unsafe package func gather(from source: RawSpan, into target: UnsafeMutableRawBufferPointer) {
    let (reach, overflow) = (reach ?? .max).multipliedReportingOverflow(by: elementByteCount)
    precondition(!overflow && reach <= source.byteCount, "every element is there")
    precondition(target.count == count * elementByteCount, "room for every element")
    guard target.count > 0 else { return }
    unsafe source.withUnsafeBytes { bytes in
      unsafe extents.withUnsafeBufferPointer { extents in
        unsafe strides.withUnsafeBufferPointer { strides in
          // More axes than 62 that are not one would have more elements than an `Int` counts.
          var array = unsafe fw_strided_array(
            extents: extents.baseAddress,
            strides: strides.baseAddress,
            rank: extents.count,
            element_size: elementByteCount
          )
          unsafe fw_gather(&array, bytes.baseAddress, target.baseAddress)
        }
      }
    }
  }

  /// Hands out the elements one behind the other, in memory that does not grow with them.
  ///
  /// - Parameters:
  ///   - source: The bytes from the first element on, at least as many as the elements reach.
  ///   - pieceByteCount: How many bytes to gather at once, if one element has no more.
  ///   - body: Takes the pieces, which are whole elements.
  /// - Throws: What `body` throws.
  package func read(
    from source: RawSpan,
    pieceByteCount: Int,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    var buffer: [UInt8] = []
    try read(from: source, pieceByteCount, &buffer, body)
  }

  private func read(
    from source: RawSpan,
    _ pieceByteCount: Int,
    _ buffer: inout [UInt8],
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard count > 0 else { return }
    let inner = StridedElements(
      extents: extents.dropFirst(),
      strides: strides.dropFirst(),
      elementByteCount: elementByteCount
    )
    let extent = extents.first ?? 1
    let step = (strides.first ?? 0) * elementByteCount
    let innerByteCount = inner.count * elementByteCount
    if innerByteCount > pieceByteCount, !extents.isEmpty {
      for index in 0..<extent {
        try inner.read(
          from: source.extracting(droppingFirst: index * step),
          pieceByteCount,
          &buffer,
          body
        )
      }
      return
    }
    let most = min(extent, max(1, pieceByteCount / max(innerByteCount, 1)))
    for start in stride(from: 0, to: extent, by: most) {
      var piece = self
      if !extents.isEmpty { piece.extents[0] = min(most, extent - start) }
      let byteCount = piece.count * elementByteCount
      if buffer.count < byteCount { buffer = [UInt8](repeating: 0, count: byteCount) }
      // The buffer has room for the piece.
      unsafe buffer.withUnsafeMutableBytes { target in
        unsafe piece.gather(
          from: source.extracting(droppingFirst: start * step),
          into: UnsafeMutableRawBufferPointer(rebasing: target[..<byteCount])
        )
      }
      try body(buffer.rawBytes.extracting(first: byteCount))
    }
  }
}
