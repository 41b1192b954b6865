import FlywheelCore
import FlywheelDiff

/// The difference of two tensors as one would write it down, element by element.
struct PlainDifference {
  /// Of one type, all that the elements' bits say.
  static func of(_ first: Patterns, _ second: Patterns, within tolerance: Tolerance) throws
    -> TensorDifference
  {
    let parts = first.dtype.partCount
    let (a, b) = (try first.doubles(), try second.doubles())
    let (m, n) = (first.integers, second.integers)
    var found = TensorDifference()
    found.count = a.count / parts
    var farthest: UInt64 = 0
    var sums = (squares: 0.0, products: 0.0, first: 0.0, second: 0.0, finite: 0)
    for index in 0..<found.count {
      let range = index * parts..<(index + 1) * parts
      let hasOtherBits = first.bits[range] != second.bits[range]
      if hasOtherBits { found.bitDifferingCount += 1 }
      let (x, y) = (Array(a[range]), Array(b[range]))
      let kinds = (kind(x), kind(y))
      if kinds.0 == .nan { found.nanCounts.first += 1 }
      if kinds.1 == .nan { found.nanCounts.second += 1 }
      if kinds.0 == .infinite { found.infinityCounts.first += 1 }
      if kinds.1 == .infinite { found.infinityCounts.second += 1 }
      guard kinds == (.finite, .finite) else {
        let areNaN = kinds == (.nan, .nan)
        let areEqual = zip(x, y).allSatisfy {
          $0 == $1 || tolerance.equatesNaN && $0.isNaN && $1.isNaN
        }
        let isSame =
          areNaN && tolerance.equatesNaN || tolerance.isExact && !hasOtherBits || areEqual
        if !isSame { found.differingCount += 1 }
        if tolerance.isExact ? hasOtherBits : !isSame { found.outsideCount += 1 }
        continue
      }
      sums.finite += 1
      var gap = size(zip(x, y).map(-))
      let larger = max(size(x), size(y))
      if first.dtype.kind == .signedInteger || first.dtype.kind == .unsignedInteger {
        let apart = m[index] - n[index]
        gap = Double(apart.magnitude)
      }
      if gap > 0 { found.differingCount += 1 }
      let isClose = gap <= tolerance.absolute + tolerance.relative * larger
      let distance = distance(first.bits[index], second.bits[index], first.dtype)
      let isNear = if let distance, let ulps = tolerance.ulps { distance <= ulps } else { false }
      if tolerance.isExact ? hasOtherBits : !(isClose || isNear) { found.outsideCount += 1 }
      raise(&found.largestAbsolute, gap, index)
      if gap > 0 {
        raise(
          &found.largestRelative,
          gap.isInfinite ? larger.ratio(gapOf: x, y) : gap / larger,
          index
        )
      }
      if let distance, distance > farthest {
        farthest = distance
        found.largestULP = .init(value: Double(distance), index: index)
      }
      found.largestMagnitude = (x + y).map(abs).reduce(found.largestMagnitude, max)
      sums.squares += gap * gap
      for (p, q) in zip(x, y) {
        sums.products += p * q
        sums.first += p * p
        sums.second += q * q
      }
    }
    if sums.finite > 0 { found.rootMeanSquare = (sums.squares / Double(sums.finite)).squareRoot() }
    if sums.first > 0, sums.second > 0 {
      found.cosine = sums.products / (sums.first.squareRoot() * sums.second.squareRoot())
    }
    return found
  }

  enum Kind { case finite, infinite, nan }

  static func kind(_ parts: [Double]) -> Kind {
    parts.contains(where: \.isInfinite)
      ? .infinite : parts.contains(where: \.isNaN) ? .nan : .finite
  }

  static func size(_ parts: [Double]) -> Double {
    guard parts.count == 2 else { return abs(parts[0]) }
    let (larger, smaller) = (max(abs(parts[0]), abs(parts[1])), min(abs(parts[0]), abs(parts[1])))
    if larger == 0 { return 0 }
    return larger * (1 + (smaller / larger) * (smaller / larger)).squareRoot()
  }

  static func distance(_ first: UInt64, _ second: UInt64, _ dtype: DType) -> UInt64? {
    guard dtype.isFloatingPoint else { return nil }
    let sign = Int128(1) << (8 * dtype.byteCount - 1)
    func place(_ bits: UInt64) -> Int128 {
      Int128(bits) < sign ? Int128(bits) : sign - Int128(bits)
    }
    return UInt64((place(first) - place(second)).magnitude)
  }

  private static func raise(
    _ extreme: inout TensorDifference.Extreme?,
    _ value: Double,
    _ index: Int
  ) {
    if value > extreme?.value ?? 0 { extreme = .init(value: value, index: index) }
  }
}

extension Double {
  /// Where the difference itself overflows.
  fileprivate func ratio(gapOf x: [Double], _ y: [Double]) -> Double {
    PlainDifference.size(zip(x, y).map { $0 / 2 - $1 / 2 }) / (self / 2)
  }
}

extension TensorDifference {
  /// What is not the same in another one; the sums need only be close.
  func faults(against plain: TensorDifference) -> [String] {
    var faults: [String] = []
    func check(_ name: String, _ isSame: Bool) { if !isSame { faults.append(name) } }
    check("count", count == plain.count)
    check(
      "differing \(differingCount) \(plain.differingCount)",
      differingCount == plain.differingCount
    )
    check("bits", bitDifferingCount == plain.bitDifferingCount)
    check("outside \(outsideCount) \(plain.outsideCount)", outsideCount == plain.outsideCount)
    check("absolute", largestAbsolute == plain.largestAbsolute)
    check(
      "relative \(String(describing: largestRelative)) \(String(describing: plain.largestRelative))",
      largestRelative == plain.largestRelative
    )
    check("magnitude", largestMagnitude == plain.largestMagnitude)
    check("ulp", largestULP == plain.largestULP)
    check("NaN", nanCounts == plain.nanCounts)
    check("infinities", infinityCounts == plain.infinityCounts)
    // Its squares may be out of range; the kernel's are not.
    if plain.rootMeanSquare.isFinite, plain.rootMeanSquare > 1e-140 || rootMeanSquare == 0 {
      let isClose = abs(rootMeanSquare - plain.rootMeanSquare) <= 1e-12 * plain.rootMeanSquare
      check("rms \(rootMeanSquare) \(plain.rootMeanSquare)", isClose)
    }
    if let expected = plain.cosine, expected.isFinite, abs(expected) > 1e-9 {
      check("cosine", cosine.map { abs($0 - expected) < 1e-12 } ?? false)
    }
    return faults
  }
}
