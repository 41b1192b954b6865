import FlywheelCore
import FlywheelDiff
import FlywheelPlot
import OrderedCollections

extension DifferenceReport {
  /// The differences of tensors of one kind, by size.
  struct Histogram: Sendable {
    /// What the tensors are.
    var kind: String
    /// How many tensors differ.
    var tensorCount: Int
    /// Their elements.
    var counts: DifferenceHistogram
  }

  /// Counts the differences of each kind of tensor: values, and the buffers of each slot, whose units differ.
  ///
  /// - Throws: What reading throws.
  static func histograms(of comparison: Comparison) throws(FlywheelError) -> [Histogram] {
    var histograms: OrderedDictionary<String, Histogram> = [:]
    for tensor in comparison.tensors {
      guard let role = tensor.first?.role, role != .history, let counts = try tensor.histogram()
      else {
        continue
      }
      let kind = role.kind
      var histogram =
        histograms[kind] ?? Histogram(kind: kind, tensorCount: 0, counts: DifferenceHistogram())
      histogram.tensorCount += 1
      histogram.counts.add(counts)
      histograms[kind] = histogram
    }
    return Array(histograms.values)
  }

  func writeHistograms(_ writer: inout HTMLWriter) {
    for histogram in histograms {
      let tensors = Self.count(histogram.tensorCount, "tensor")
      let verb = histogram.tensorCount == 1 ? "differs" : "differ"
      let caption =
        "\(histogram.kind): the elements of the \(tensors) that \(verb), by the size of a − b. 1e-6 stands "
        + "for 1e-6 ≤ |a − b| < 1e-5."
      writer.figure(caption, svg: Self.chart(of: histogram).svg)
    }
  }

  private static func chart(of histogram: Histogram) -> ColumnChart {
    let counts = histogram.counts
    var columns = [
      ColumnChart.Column(name: "equal", label: "equal", count: counts.zeroCount, isFull: false)
    ]
    for decade in counts.decades {
      let (lower, upper) = ("1e\(decade.exponent)", "1e\(decade.exponent + 1)")
      columns.append(
        .init(
          name: "from \(lower) to \(upper) (a > b \(Numeral.grouped(decade.greaterCount)) times)",
          label: lower,
          count: decade.count
        )
      )
    }
    if counts.nonFiniteCount > 0 {
      columns.append(
        .init(name: "not finite", label: "inf, NaN", count: counts.nonFiniteCount, isFull: false)
      )
    }
    return ColumnChart(
      title: "Differences by size, \(histogram.kind)",
      xTitle: "|a − b|",
      yTitle: "elements",
      columns: columns
    )
  }
}
