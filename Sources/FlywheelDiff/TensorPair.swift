internal import CFlywheelKernels
import FlywheelCore
import Synchronization

/// Two tensors of one shape on their way through the kernels, in pieces that several processors share.
struct TensorPair: Sendable {
  private let first: Tensor
  private let second: Tensor
  private let meeting: fw_meeting
  private let firstSteps: [fw_step]
  private let secondSteps: [fw_step]

  /// The elements of a piece: whole blocks of the kernels, and the same on every machine, because sums are
  /// joined piece by piece.
  private static let pieceLength = 1 << 18

  /// Pairs two tensors.
  ///
  /// - Throws: `mismatch` if the shapes differ.
  init(_ first: Tensor, _ second: Tensor) throws(FlywheelError) {
    guard first.shape == second.shape else {
      throw FlywheelError(
        .mismatch,
        "The shapes \(first.shape) and \(second.shape) differ; only elements of one shape pair up."
      )
    }
    self.first = first
    self.second = second
    meeting = Self.meeting(of: first.dtype, and: second.dtype)
    firstSteps = Self.steps(from: first.dtype, to: meeting)
    secondSteps = Self.steps(from: second.dtype, to: meeting)
  }

  /// Two integers meet where no difference gets lost; two others in float64, part by part if one has two.
  private static func meeting(of first: DType, and second: DType) -> fw_meeting {
    if first.kind == .complex || second.kind == .complex { return fw_meeting_complex }
    return first.isWhole && second.isWhole ? fw_meeting_integer : fw_meeting_float64
  }

  private static func steps(from dtype: DType, to meeting: fw_meeting) -> [fw_step] {
    let target: DType =
      switch meeting {
      case fw_meeting_integer: dtype == .uint64 ? .uint64 : .int64
      // Each of two parts goes through the steps; a real number is given its second one by them.
      case fw_meeting_complex: dtype.kind == .complex ? .float64 : .complex128
      default: .float64
      }
    return ConversionRoute.steps(from: dtype.part, to: target)
  }

  // MARK: - Comparing

  /// Compares all elements.
  func difference(within tolerance: Tolerance) throws(FlywheelError) -> TensorDifference {
    var comparison = comparison(within: tolerance)
    let found = try joined(comparison)
    comparison.first_scale = Self.scale(for: found.first_largest)
    comparison.second_scale = Self.scale(for: found.second_largest)
    comparison.difference_scale = Self.scale(for: found.absolute.value)
    let scales = [comparison.first_scale, comparison.second_scale, comparison.difference_scale]
    let sums = scales == [1, 1, 1] ? found : try joined(comparison)

    var difference = TensorDifference()
    difference.count = first.shape.elementCount
    difference.differingCount = Int(found.differing)
    difference.bitDifferingCount = Int(found.bits_differing)
    difference.outsideCount = Int(tolerance.isExact ? found.bits_differing : found.outside)
    difference.largestAbsolute = .init(found.absolute)
    difference.largestRelative = .init(found.relative)
    if found.distance > 0 {
      let index = Int(found.distance_index)
      difference.largestULP = .init(value: Double(found.distance), index: index)
    }
    difference.largestMagnitude = max(found.first_largest, found.second_largest)
    if sums.finite > 0 {
      let mean = (sums.squares / Double(sums.finite)).squareRoot()
      difference.rootMeanSquare = mean / comparison.difference_scale
    }
    if found.first_largest > 0, found.second_largest > 0 {
      let norms = sums.first_squares.squareRoot() * sums.second_squares.squareRoot()
      // Rounding must neither part what is equal nor lead beyond what a cosine can be.
      let isEqual = found.absolute.value == 0
      difference.cosine = isEqual ? 1 : max(-1, min(1, sums.products / norms))
    }
    difference.nanCounts = .init(Int(found.first_nans), Int(found.second_nans))
    difference.infinityCounts = .init(Int(found.first_infinities), Int(found.second_infinities))
    return difference
  }

  private func comparison(within tolerance: Tolerance) -> fw_comparison {
    let isOneType = first.dtype == second.dtype
    return fw_comparison(
      meeting: meeting,
      pattern_size: isOneType ? Int32(first.dtype.byteCount) : 0,
      pattern_end: isOneType ? first.dtype.patternEnd : 0,
      // Zero also for NaN, and infinity times zero would be one.
      absolute: tolerance.absolute > 0 ? tolerance.absolute : 0,
      relative: tolerance.relative > 0 ? min(tolerance.relative, .greatestFiniteMagnitude) : 0,
      ulps: tolerance.ulps ?? 0,
      has_ulps: tolerance.ulps == nil ? 0 : 1,
      equates_nan: tolerance.equatesNaN ? 1 : 0,
      equates_bits: tolerance.isExact ? 1 : 0,
      first_scale: 1,
      second_scale: 1,
      difference_scale: 1
    )
  }

  /// What numbers are multiplied by so that their squares neither overflow nor vanish; a power of two
  /// changes nothing but the exponents.
  private static func scale(for largest: Double) -> Double {
    guard largest > 0x1p480 || largest > 0 && largest < 0x1p-400 else { return 1 }
    let exponent = max(-1000, min(1000, Int(largest.exponent)))
    return Double(sign: .plus, exponent: -exponent, significand: 1)
  }

  /// Compares piece by piece, and joins what was found in the order of the pieces.
  private func joined(_ comparison: fw_comparison) throws(FlywheelError) -> fw_difference {
    let pieces = Mutex([fw_difference](repeating: fw_difference(), count: pieceCount))
    try Parallel.forEach(pieceCount) { index in
      var found = fw_difference()
      unsafe withPiece(index) { first, second, count in
        var comparison = comparison
        unsafe found = fw_difference_of(first, second, count, &comparison)
      }
      pieces.withLock { $0[index] = found }
    }
    var total = fw_difference()
    for (index, piece) in pieces.withLock(\.self).enumerated() {
      total.join(piece, from: index * Self.pieceLength)
    }
    return total
  }

  // MARK: - Decades

  /// Counts the differences by their size.
  func histogram() throws(FlywheelError) -> DifferenceHistogram {
    let comparison = comparison(within: Tolerance())
    let total = Mutex(DifferenceHistogram())
    try Parallel.forEach(pieceCount) { index in
      var greater = [Int64](repeating: 0, count: Int(fw_decade_count))
      var less = greater
      var decades = unsafe fw_decades()
      unsafe greater.withUnsafeMutableBufferPointer { greater in
        unsafe less.withUnsafeMutableBufferPointer { less in
          unsafe decades.greater = greater.baseAddress
          unsafe decades.less = less.baseAddress
          unsafe withPiece(index) { first, second, count in
            var comparison = comparison
            // Both have an entry for every decade.
            unsafe fw_count_decades(first, second, count, &comparison, &decades)
          }
        }
      }
      let (zeros, notFinite) = unsafe (decades.zeros, decades.not_finite)
      let piece = DifferenceHistogram(
        zeroCount: Int(zeros),
        nonFiniteCount: Int(notFinite),
        greater: greater.map { Int($0) },
        less: less.map { Int($0) }
      )
      total.withLock { $0.add(piece) }
    }
    return total.withLock(\.self)
  }

  // MARK: - Pieces

  private var pieceCount: Int {
    first.shape.elementCount / Self.pieceLength
      + (first.shape.elementCount % Self.pieceLength > 0 ? 1 : 0)
  }

  /// Lends the kernels a piece of both sides.
  private func withPiece(
    _ index: Int,
    _ body: (UnsafePointer<fw_operand>, UnsafePointer<fw_operand>, Int) -> Void
  ) {
    let start = index * Self.pieceLength
    let count = min(Self.pieceLength, first.shape.elementCount - start)
    unsafe Self.withOperand(first, start, firstSteps) { first in
      unsafe Self.withOperand(second, start, secondSteps) { second in
        unsafe body(first, second, count)
      }
    }
  }

  private static func withOperand(
    _ tensor: Tensor,
    _ start: Int,
    _ steps: [fw_step],
    _ body: (UnsafePointer<fw_operand>) -> Void
  ) {
    unsafe tensor.bytes.withUnsafeBytes { bytes in
      unsafe steps.withUnsafeBufferPointer { steps in
        // The piece lies within the tensor, and the steps begin with the tensor's dtype.
        var operand = unsafe fw_operand(
          elements: bytes.baseAddress.map { unsafe $0 + start * tensor.dtype.byteCount },
          element_size: tensor.dtype.byteCount,
          steps: steps.baseAddress,
          step_count: Int32(steps.count),
          part_count: Int32(tensor.dtype.partCount),
          is_unsigned: tensor.dtype == .uint64 ? 1 : 0
        )
        unsafe body(&operand)
      }
    }
  }
}

extension DType {
  fileprivate var isWhole: Bool {
    switch kind {
    case .bool, .signedInteger, .unsignedInteger: true
    case .floatingPoint, .complex: false
    }
  }

  /// The first positive pattern behind the finite numbers of a float; 0 of any other type.
  fileprivate var patternEnd: UInt64 {
    switch self {
    case .float8E4M3FN: 0x7F
    case .float8E5M2: 0x7C
    case .float16: 0x7C00
    case .bfloat16: 0x7F80
    case .float32: 0x7F80_0000
    case .float64: 0x7FF0_0000_0000_0000
    default: 0
    }
  }
}

extension fw_difference {
  /// Adds what was found from an element on.
  fileprivate mutating func join(_ next: fw_difference, from start: Int) {
    finite += next.finite
    differing += next.differing
    bits_differing += next.bits_differing
    outside += next.outside
    absolute.join(next.absolute, from: start)
    relative.join(next.relative, from: start)
    if next.distance > distance {
      distance = next.distance
      distance_index = next.distance_index + Int64(start)
    }
    squares += next.squares
    products += next.products
    first_squares += next.first_squares
    second_squares += next.second_squares
    first_largest = max(first_largest, next.first_largest)
    second_largest = max(second_largest, next.second_largest)
    first_nans += next.first_nans
    second_nans += next.second_nans
    first_infinities += next.first_infinities
    second_infinities += next.second_infinities
  }
}

extension fw_extreme {
  /// Of two equal ones the first stays.
  fileprivate mutating func join(_ next: fw_extreme, from start: Int) {
    if next.value > value { self = fw_extreme(value: next.value, index: next.index + Int64(start)) }
  }
}

extension TensorDifference.Extreme {
  fileprivate init?(_ extreme: fw_extreme) {
    guard extreme.value > 0 else { return nil }
    self.init(value: extreme.value, index: Int(extreme.index))
  }
}
