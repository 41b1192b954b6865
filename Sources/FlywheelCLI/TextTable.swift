/// Rows of cells as lines whose columns begin below each other.
enum TextTable {
  /// The lines; a column is as wide as its widest cell.
  static func lines(_ rows: [[String]], indent: Int = 0) -> [String] {
    let count = rows.map { $0.count }.max() ?? 0
    var widths = [Int](repeating: 0, count: count)
    for row in rows {
      for (column, cell) in row.enumerated() {
        widths[column] = max(widths[column], cell.count)
      }
    }
    let width = widths.reduce(indent) { $0 + $1 + 2 }
    return rows.map { row in
      var line = ""
      line.reserveCapacity(width)
      // Written when a cell follows, so that no line ends in them.
      var spaces = indent
      for (cell, width) in zip(row, widths) {
        if !cell.isEmpty {
          line += String(repeating: " ", count: spaces)
          line += cell
          spaces = 0
        }
        spaces += width - cell.count + 2
      }
      return line
    }
  }
}
