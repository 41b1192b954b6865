import FlywheelCore
import OrderedCollections

/// What a dump says of all weights, or of all biases, in double precision; of large parameters some
/// elements, spread over all of them.
///
/// Adam's kin treats each element alone, so that a part of the elements shows what all do.
struct AdaptiveSample {
  /// The parameters.
  let names: [String]
  /// Whether they are weights rather than biases.
  let isWeight: Bool
  /// How many elements they have together.
  let elementCount: Int
  /// The elements that are looked at, of each dump.
  private(set) var weights: [[Double]]
  /// Their gradients; nil for a dump that lacks that of a parameter.
  private(set) var gradients: [[Double]?]
  /// Their buffers by name, likewise.
  private(set) var slots: [String: [[Double]?]]
  /// How far a weight may be off for being rounded, relative to itself.
  let weightRoundoff: Double
  /// The same for buffers and gradients.
  let bufferRoundoff: Double
  /// From this size on squares have all their digits.
  let smallestSquare: Double

  /// How often the parameters were dumped.
  var placeCount: Int { weights.count }

  /// More dumps than these tell nothing new.
  private static let largestPlaceCount = 128
  private static let largestNumberCount = 65_536

  /// Reads a dump.
  ///
  /// - Parameters:
  ///   - series: The parameters; those of fewer dumps than others are left out.
  ///   - isWeight: Whether the weights of them are wanted, or the biases.
  /// - Throws: `mismatch` if the shape of a parameter changes, and what reading its numbers throws.
  init?(_ series: [TensorSeries], isWeight: Bool) throws(FlywheelError) {
    let all = series.filter { $0.isWeight == isWeight && $0.count >= 2 }
    guard let placeCount = all.map(\.count).max().map({ min($0, Self.largestPlaceCount) }) else {
      return nil
    }
    let used = all.filter { $0.count >= placeCount }
    self.isWeight = isWeight
    names = used.map(\.name)
    let counts = used.map { $0.weights[0].shape.elementCount }
    elementCount = counts.reduce(0) { $0.addingReportingOverflow($1).partialValue }
    let limit = max(256, Self.largestNumberCount / placeCount)
    let share = min(1, Double(limit) / Double(max(1, elementCount)))
    let places = counts.map { Self.places(of: $0, share: share) }

    func gathered(
      _ tensors: (TensorSeries) -> [Tensor?]
    ) throws(FlywheelError) -> [[Double]?] {
      var numbers: [[Double]?] = []
      for place in 0..<placeCount {
        var row: [Double]? = []
        for (index, one) in used.enumerated() {
          let list = tensors(one)
          guard place < list.count, let tensor = list[place], row != nil else {
            row = nil
            break
          }
          row?.append(contentsOf: try Self.elements(of: tensor, at: places[index], in: one))
        }
        numbers.append(row)
      }
      return numbers
    }
    var weights = try gathered { $0.weights }.compactMap(\.self)
    var gradients = try gathered { $0.gradients }
    var slots: [String: [[Double]?]] = [:]
    for name in Set(used.flatMap(\.slots.keys)) {
      slots[name] = try gathered { $0.slots[name] ?? [] }
    }
    // A weight that is no number anywhere tells nothing.
    let rows =
      weights + gradients.compactMap(\.self) + slots.values.flatMap { $0.compactMap(\.self) }
    let finite = (weights.first ?? []).indices.filter { index in
      rows.allSatisfy { $0[index].isFinite }
    }
    if finite.count < weights.first?.count ?? 0 {
      let kept = { (row: [Double]) in finite.map { row[$0] } }
      weights = weights.map(kept)
      gradients = gradients.map { $0.map(kept) }
      slots = slots.mapValues { $0.map { $0.map(kept) } }
    }
    guard !finite.isEmpty else { return nil }
    (self.weights, self.gradients, self.slots) = (weights, gradients, slots)
    let precision = Precision(of: weights)
    weightRoundoff = precision.roundoff
    let buffers = gradients.compactMap(\.self) + slots.values.flatMap { $0.compactMap(\.self) }
    let bufferPrecision = buffers.isEmpty ? precision : Precision(of: buffers)
    bufferRoundoff = bufferPrecision.roundoff
    smallestSquare = bufferPrecision.smallestSquare
  }

  /// The sample with so many numbers of each array at most, spread over all.
  ///
  /// - Parameter count: How many there are to be of all dumps together.
  /// - Returns: A smaller sample, or the same one.
  func thinned(to count: Int) -> AdaptiveSample {
    let size = weights.first?.count ?? 0
    let wanted = max(64, count / max(1, placeCount))
    guard wanted < size else { return self }
    let places = Self.places(of: size, share: Double(wanted) / Double(size))
    let kept = { (row: [Double]) in places.map { row[$0] } }
    var other = self
    other.weights = weights.map(kept)
    other.gradients = gradients.map { $0.map(kept) }
    other.slots = slots.mapValues { $0.map { $0.map(kept) } }
    return other
  }

  /// The places of the elements that are looked at: one somewhere in each of so many equal parts, so that
  /// no column of a matrix is taken again and again.
  private static func places(of count: Int, share: Double) -> [Int] {
    let wanted = max(1, Int((share * Double(count)).rounded(.up)))
    guard wanted < count else { return Array(0..<count) }
    let stride = count / wanted
    return (0..<wanted).map { part in
      let hash = UInt64(part) &* 0x9E37_79B9_7F4A_7C15
      return part * stride + Int((hash >> 32) % UInt64(stride))
    }
  }

  private static func elements(
    of tensor: Tensor,
    at places: [Int],
    in series: TensorSeries
  ) throws(FlywheelError) -> [Double] {
    guard tensor.shape == series.weights[0].shape else {
      throw FlywheelError(
        .mismatch,
        "A dump of '\(series.name)' has shape \(tensor.shape), its first weights have "
          + "\(series.weights[0].shape); give dumps of one network.",
        at: .init(tensor: series.name)
      )
    }
    let numbers: [Double] = try tensor.converted(to: .float64).elements()
    return places.count == numbers.count ? numbers : places.map { numbers[$0] }
  }

  /// The type that numbers were rounded to, whatever type they were dumped as.
  private enum Precision: CaseIterable {
    case bfloat16, float16, float32, float64

    init(of rows: [[Double]]) {
      self =
        Self.allCases.first { type in rows.allSatisfy { $0.allSatisfy(type.holds) } } ?? .float64
    }

    func holds(_ number: Double) -> Bool {
      switch self {
      case .bfloat16: Float(number).bitPattern & 0xffff == 0 && Double(Float(number)) == number
      case .float16:
        abs(number) <= 65504 && Self.bits(number) <= 11
          && number * 0x1p24 == (number * 0x1p24).rounded()
      case .float32: Double(Float(number)) == number
      case .float64: true
      }
    }

    /// How many bits of mantissa a number takes.
    private static func bits(_ number: Double) -> Int {
      number == 0 ? 0 : 53 - min(52, number.significandBitPattern.trailingZeroBitCount)
    }

    var roundoff: Double {
      switch self {
      case .bfloat16: 0x1p-8
      case .float16: 0x1p-11
      case .float32: 0x1p-24
      case .float64: 0x1p-53
      }
    }

    var smallestSquare: Double {
      switch self {
      case .bfloat16, .float32: 1e-31
      case .float16: 1e-4
      case .float64: 1e-290
      }
    }
  }
}
