import FlywheelCore

/// A block of a tensor that was saved by itself.
struct DistributedChunk: Sendable {
  /// Where in the tensor it begins, along each axis.
  let offsets: [Int]
  /// Its extents.
  let shape: Shape
  /// Where its bytes lie.
  let place: DistributedPlace

  /// How many comparisons of two chunks one tensor may take: thousands of ranks need far fewer.
  private static let comparisonLimit = 50_000_000

  /// Makes sure that chunks cover a tensor, and each element once.
  ///
  /// - Parameters:
  ///   - chunks: The chunks.
  ///   - whole: The tensor's shape.
  /// - Throws: `malformed` if a chunk lies outside, if two overlap, or if elements are missing;
  ///   `limitExceeded` if there are too many to find out.
  static func check(_ chunks: [DistributedChunk], cover whole: Shape) throws(FlywheelError) {
    var count = 0
    for chunk in chunks {
      guard chunk.lies(in: whole) else {
        throw FlywheelError.malformed(
          found: "\(chunk)",
          expected: "one within the tensor's shape \(whole)"
        )
      }
      let (sum, overflow) = count.addingReportingOverflow(chunk.shape.elementCount)
      count = overflow ? .max : sum
    }
    try checkOverlaps(chunks.filter { $0.shape.elementCount > 0 })
    guard count == whole.elementCount else {
      throw FlywheelError.malformed(
        found: "\(chunks.count) chunks with \(count) elements",
        expected: "the tensor's \(whole.elementCount); some were not saved"
      )
    }
  }

  private static func checkOverlaps(_ chunks: [DistributedChunk]) throws(FlywheelError) {
    var budget = comparisonLimit
    let sorted = chunks.sorted { $0.offsets.lexicographicallyPrecedes($1.offsets) }
    // Those that reach further along the first axis than the next chunk begins.
    var active: [DistributedChunk] = []
    for chunk in sorted {
      active.removeAll { !$0.overlaps(chunk, along: 0) }
      budget -= active.count + 1
      guard budget >= 0 else {
        throw FlywheelError(
          .limitExceeded,
          "The tensor lies in \(chunks.count) chunks, which are too many to be told apart."
        )
      }
      for other in active
      where chunk.offsets.indices.allSatisfy({ other.overlaps(chunk, along: $0) }) {
        throw FlywheelError.malformed(found: "\(chunk)", expected: "one apart from \(other)")
      }
      active.append(chunk)
    }
  }

  private func lies(in whole: Shape) -> Bool {
    guard offsets.count == whole.rank, shape.rank == whole.rank else { return false }
    return offsets.indices.allSatisfy { axis in
      let extent = whole.extents[axis]
      return offsets[axis] <= extent && shape.extents[axis] <= extent - offsets[axis]
    }
  }

  /// Whether both have places in common along an axis, if there is one.
  private func overlaps(_ other: DistributedChunk, along axis: Int) -> Bool {
    guard axis < offsets.count else { return true }
    // Both lie within the tensor, so that no sum overflows.
    return offsets[axis] < other.offsets[axis] + other.shape.extents[axis]
      && other.offsets[axis] < offsets[axis] + shape.extents[axis]
  }

  /// Whether it has all places along every axis but the first, so that its elements lie side by side in the
  /// tensor.
  func isSlab(of whole: Shape) -> Bool {
    shape.extents.dropFirst() == whole.extents.dropFirst()
  }
}

extension DistributedChunk: CustomStringConvertible {
  var description: String {
    "the chunk of shape \(shape) at (\(offsets.map(String.init).joined(separator: ", ")))"
  }
}
