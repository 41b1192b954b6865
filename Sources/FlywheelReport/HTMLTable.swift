/// A table of a report: a caption, columns with headings, rows that begin with what they are about.
struct HTMLTable {
  /// What the table shows.
  var caption: String
  /// The columns; the first says what a row is about.
  var columns: [Column]
  /// The rows, a cell for each column.
  var rows: [[Cell]]

  /// A column.
  struct Column {
    /// Its heading.
    var title: String
    /// Whether it holds numbers, which line up on the right.
    var isNumeric = false
  }

  /// A cell.
  struct Cell: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    /// What it says.
    var text: String
    /// Whether it is marked, beside by what it says.
    var mark: Mark?

    /// What a colour adds to what the text says.
    enum Mark: String {
      /// It is as it should be.
      case good
      /// It is not.
      case bad
    }

    init(_ text: String, _ mark: Mark? = nil) {
      self.text = text
      self.mark = mark
    }

    init(stringLiteral text: String) { self.init(text) }
  }
}

extension HTMLWriter {
  /// Adds a table in a box of its own, which scrolls where the page is too narrow for it.
  mutating func table(_ table: HTMLTable) {
    let box: [Attribute] = [
      ("class", "scroll"), ("role", "region"), ("aria-label", table.caption), ("tabindex", "0"),
    ]
    element("div", box) { writer in
      writer.element("table") { writer in
        writer.leaf("caption", [], table.caption)
        writer.element("thead") { writer in
          writer.element("tr") { writer in
            for column in table.columns {
              writer.leaf("th", [("scope", "col")] + Self.kind(column), column.title)
            }
          }
        }
        writer.element("tbody") { writer in
          for row in table.rows { writer.row(row, table.columns) }
        }
      }
    }
  }

  private mutating func row(_ cells: [HTMLTable.Cell], _ columns: [HTMLTable.Column]) {
    element("tr") { writer in
      for (index, (cell, column)) in zip(cells, columns).enumerated() {
        if index == 0 {
          writer.leaf("th", [("scope", "row")], cell.text)
        } else {
          let classes = [column.isNumeric ? "number" : nil, cell.mark?.rawValue].compactMap(\.self)
          let list = classes.joined(separator: " ")
          writer.leaf("td", list.isEmpty ? [] : [("class", list)], cell.text)
        }
      }
    }
  }

  private static func kind(_ column: HTMLTable.Column) -> [Attribute] {
    column.isNumeric ? [("class", "number")] : []
  }
}
