internal import FlywheelCore

/// In which order the arrays that index chunks hold them.
///
/// It is row-major over the chunks that there could be at the most, so that a dataset can grow and its chunks keep
/// their places. The axis that may grow without end, if there is one, comes first.
struct ChunkOrder: Sendable {
  private let grid: ChunkGrid
  /// The axes, the slowest first.
  private let axes: [Int]
  /// By how many places in the array two neighbours along each axis of the dataset are apart.
  private let steps: [UInt64]
  /// How many places there are; nil if there is no end of them.
  let count: UInt64?

  /// Orders the chunks of a dataset.
  ///
  /// - Parameters:
  ///   - grid: The chunks that there are.
  ///   - limits: The largest extents that the dataset may get; nil along an axis without limit.
  /// - Throws: `malformed` if the dataset is larger already, or can grow without end along several axes.
  init(_ grid: ChunkGrid, limits: [Int?]) throws(FlywheelError) {
    let isWithin = zip(grid.extents, limits).allSatisfy { extent, limit in
      limit.map { extent <= $0 } ?? true
    }
    let unlimited = limits.indices.filter { limits[$0] == nil }
    guard limits.count == grid.extents.count, isWithin, unlimited.count <= 1 else {
      throw FlywheelError.malformed(
        found: "an array of the chunks of a dataset that grows to \(limits) from \(grid.extents)",
        expected: "a dataset that grows without end along one axis at most"
      )
    }
    let axes = unlimited + limits.indices.filter { limits[$0] != nil }
    var steps = [UInt64](repeating: 1, count: axes.count)
    var count: UInt64? = 1
    for axis in axes.reversed() {
      // A step that overflows is never taken.
      steps[axis] = count ?? .max
      guard let limit = limits[axis] else { break }
      let chunks = limit == 0 ? 0 : (limit - 1) / grid.chunk[axis] + 1
      let (product, overflow) = (count ?? .max).multipliedReportingOverflow(by: UInt64(chunks))
      count = overflow ? nil : product
    }
    self.grid = grid
    self.axes = axes
    self.steps = steps.map { max(1, $0) }
    self.count = unlimited.isEmpty ? count : nil
  }

  /// The number of the chunk at a place.
  ///
  /// - Parameter place: The place in the array.
  /// - Returns: The number; nil if the dataset has not grown so far.
  func number(at place: UInt64) -> Int? {
    var rest = place
    var coordinates = grid.counts
    for axis in axes {
      let (coordinate, remainder) = rest.quotientAndRemainder(dividingBy: steps[axis])
      guard coordinate < UInt64(grid.counts[axis]) else { return nil }
      coordinates[axis] = Int(coordinate)
      rest = remainder
    }
    return grid.number(of: coordinates)
  }

  /// The place of a chunk.
  ///
  /// - Parameter number: The number of the chunk, less than the count.
  /// - Returns: The place; nil if it overflows.
  func place(of number: Int) -> UInt64? {
    let coordinates = grid.coordinates(of: number)
    var place: UInt64 = 0
    for axis in coordinates.indices {
      let (distance, isFar) = UInt64(coordinates[axis])
        .multipliedReportingOverflow(by: steps[axis])
      let (sum, overflow) = place.addingReportingOverflow(distance)
      guard !isFar, !overflow else { return nil }
      place = sum
    }
    return place
  }
}
