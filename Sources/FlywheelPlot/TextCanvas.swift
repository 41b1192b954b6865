/// Lines drawn with characters, each of which is a small grid of dots.
struct TextCanvas {
  /// What lines are drawn with.
  let glyphs: LineChart.Glyphs
  let columns: Int
  let rows: Int

  /// What a character shows: which of its dots are set, and which line set one last.
  private struct Cell {
    var dots: UInt32 = 0
    var index: Int?
  }

  private var cells: [Cell]

  /// The bits of a Braille character, across and then down.
  private static let braille: [UInt32] = [0x01, 0x08, 0x02, 0x10, 0x04, 0x20, 0x40, 0x80]

  init(columns: Int, rows: Int, glyphs: LineChart.Glyphs) {
    self.columns = columns
    self.rows = rows
    self.glyphs = glyphs
    cells = Array(repeating: Cell(), count: columns * rows)
  }

  private var dotsAcross: Int { glyphs == .unicode ? 2 : 1 }
  private var dotsDown: Int { glyphs == .unicode ? 4 : 1 }

  /// Draws a line through places from 0 to 1.
  mutating func draw(_ piece: [Series.Point], index: Int) {
    let dots = piece.map { point in
      (x: Self.dot(point.x, columns * dotsAcross), y: Self.dot(1 - point.y, rows * dotsDown))
    }
    guard var from = dots.first else { return }
    set(from.x, from.y, index)
    for to in dots.dropFirst() {
      let steps = max(abs(to.x - from.x), abs(to.y - from.y))
      for step in stride(from: 1, through: steps, by: 1) {
        let share = Double(step) / Double(steps)
        let x = Double(from.x) + share * Double(to.x - from.x)
        let y = Double(from.y) + share * Double(to.y - from.y)
        set(Int(x.rounded()), Int(y.rounded()), index)
      }
      from = to
    }
  }

  /// The row that a place from 0 at the bottom to 1 at the top is in.
  func row(of place: Double) -> Int {
    Self.dot(1 - place, rows * dotsDown) / dotsDown
  }

  /// The column that a place from 0 to 1 is in.
  func column(of place: Double) -> Int {
    Self.dot(place, columns * dotsAcross) / dotsAcross
  }

  /// A row as text, neighbours of one colour in one piece.
  func spans(ofRow row: Int) -> [TextSpan] {
    var spans: [TextSpan] = []
    for cell in cells[row * columns..<(row + 1) * columns] {
      let character = glyph(cell)
      if let last = spans.last, last.index == cell.index {
        spans[spans.count - 1].text.append(character)
      } else {
        spans.append(TextSpan(String(character), index: cell.index))
      }
    }
    return spans
  }

  private func glyph(_ cell: Cell) -> Character {
    guard let index = cell.index else { return " " }
    guard glyphs == .unicode, let scalar = Unicode.Scalar(0x2800 + cell.dots) else {
      return LineChart.Glyphs.marker(index)
    }
    return Character(scalar)
  }

  private mutating func set(_ x: Int, _ y: Int, _ index: Int) {
    let cell = y / dotsDown * columns + x / dotsAcross
    guard cells.indices.contains(cell) else { return }
    cells[cell].dots |= Self.braille[y % dotsDown * 2 + x % dotsAcross]
    cells[cell].index = index
  }

  private static func dot(_ place: Double, _ count: Int) -> Int {
    min(max(0, Int((place * Double(count - 1)).rounded())), count - 1)
  }
}
