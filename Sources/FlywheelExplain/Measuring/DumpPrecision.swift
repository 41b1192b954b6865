import FlywheelCore

/// In which precision a trainer computed, as the numbers themselves show it.
///
/// Numbers are often dumped in a wider type than they were computed in: numpy has no bfloat16, so PyTorch's
/// are dumped in float32. What all of them have as zeros behind the point is not rounding.
struct DumpPrecision: Sendable {
  /// The errors of each kind of array.
  private(set) var errors: [SeriesSample.Kind: RoundingError] = [:]

  /// How many numbers are enough to show it.
  private static let enough = 64

  /// Looks at a few numbers of each parameter.
  init(_ samples: [SeriesSample]) throws(FlywheelError) {
    for kind in SeriesSample.Kind.allCases {
      var bits: UInt64 = 0
      var count = 0
      var widest: DType?
      for var sample in samples {
        for place in 0..<min(4, sample.series.count) {
          guard let tensor = sample.tensor(kind, at: place) else { continue }
          widest = widest.map { Self.wider($0, tensor.dtype) } ?? tensor.dtype
          for value in try sample.elements(kind, at: place) ?? [] where value != 0 {
            bits |= value.significandBitPattern
            count += 1
          }
        }
      }
      guard let widest else { continue }
      let used = bits == 0 ? 0 : 52 - bits.trailingZeroBitCount
      let types: [(DType, Int)] = [(.bfloat16, 7), (.float16, 10), (.float32, 23), (.float64, 52)]
      let shown = types.first { used <= $0.1 }?.0 ?? widest
      let isNarrower = RoundingError(shown).relative > RoundingError(widest).relative
      errors[kind] = RoundingError(count >= Self.enough && isNarrower ? shown : widest)
    }
  }

  /// The errors of a kind of array; those of float64 if there is none of it.
  subscript(kind: SeriesSample.Kind) -> RoundingError { errors[kind] ?? RoundingError(.float64) }

  private static func wider(_ left: DType, _ right: DType) -> DType {
    RoundingError(left).relative < RoundingError(right).relative ? left : right
  }
}
