/// Fewer points that look the same.
enum Thinning {
  /// Leaves out what a drawing of a width cannot show: of the points in each half unit, the first, the
  /// lowest, the highest and the last stay, in their order.
  static func visible(_ points: [Series.Point], width: Double) -> [Series.Point] {
    guard Double(points.count) > 4 * width else { return points }
    var result: [Series.Point] = []
    var start = 0
    while start < points.count {
      let column = (points[start].x * 2 * width).rounded(.down)
      var end = start
      var lowest = start
      var highest = start
      while end < points.count, (points[end].x * 2 * width).rounded(.down) == column {
        if points[end].y < points[lowest].y { lowest = end }
        if points[end].y > points[highest].y { highest = end }
        end += 1
      }
      for index in Set([start, lowest, highest, end - 1]).sorted() { result.append(points[index]) }
      start = end
    }
    return result
  }
}
