/// Rows of cells as lines whose columns begin below each other.
enum TextTable {
  /// The lines; a column is as wide as its widest cell.
  static func lines(_ rows: [[String]], indent: Int = 0) -> [String] {
    let count = rows.map(\.count).max() ?? 0
    let widths = (0..<count).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      let cells = zip(row, widths).map { Formatting.left($0, $1) }
      return Formatting.trimmed(
        String(repeating: " ", count: indent) + cells.joined(separator: "  ")
      )
    }
  }
}
