/// Labels at the ends of lines, moved apart so that all can be read.
enum LabelPlacement {
  /// Places with at least a gap between them, each as near to its wish as its neighbours allow.
  ///
  /// - Parameters:
  ///   - wishes: Where each label would like to be.
  ///   - gap: The least distance.
  ///   - range: Where labels may be.
  /// - Returns: The places, in the order of the wishes; nil if there is no room for all of them.
  static func places(_ wishes: [Double], gap: Double, in range: ClosedRange<Double>) -> [Double]? {
    guard Double(wishes.count - 1) * gap <= range.upperBound - range.lowerBound else { return nil }
    let order = wishes.indices.sorted { (wishes[$0], $0) < (wishes[$1], $1) }
    var places = wishes
    var next = range.lowerBound
    for index in order {
      places[index] = max(wishes[index], next)
      next = places[index] + gap
    }
    var latest = range.upperBound
    for index in order.reversed() {
      places[index] = min(places[index], latest)
      latest = places[index] - gap
    }
    return places
  }
}
