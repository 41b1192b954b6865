internal import FlywheelCore

/// How a fractal heap divides its space into blocks: rows of equally many, which double in size from row to
/// row.
///
/// Rows of small blocks hold objects themselves (direct blocks), the later ones are tables again (indirect
/// blocks). All sizes are powers of two. Format specification, section III.G, "Managed Objects".
struct DoublingTable: Sendable {
  /// The number of blocks in a row.
  let width: Int
  /// The power of two that is the size of blocks in the first two rows.
  let firstBits: Int
  /// The power of two that is the size of the largest direct blocks.
  let lastDirectBits: Int
  /// The power of two that the space of the whole heap is below.
  let spaceBits: Int

  /// The power of two that is the size of the whole first row.
  private let firstRowBits: Int

  /// The largest space of which places and sizes can be computed without overflow.
  private static let spaceBitsLimit = 62

  /// Reads the first fields of a table.
  ///
  /// - Parameter fields: Where they are; advanced behind them.
  /// - Throws: `truncated`; `malformed` if the sizes are no powers of two or do not fit together,
  ///   `unsupported` if the space is larger than any file.
  init(_ fields: inout FieldReader) throws(FlywheelError) {
    let place = fields.place
    let width = UInt64(try fields.uint16("the width of a heap's table"))
    let first = try fields.length("the size of a heap's first blocks")
    let lastDirect = try fields.length("the size of a heap's largest blocks")
    let spaceBits = Int(try fields.uint16("the space of a heap"))
    guard let widthBits = Self.exponent(of: width), let firstBits = Self.exponent(of: first),
      let lastDirectBits = Self.exponent(of: lastDirect), firstBits <= lastDirectBits,
      firstBits + widthBits <= spaceBits, lastDirectBits <= spaceBits
    else {
      throw fields.malformed(
        "\(width) blocks of \(first) to \(lastDirect) bytes in a space of \(spaceBits) bits",
        expected: "powers of two that fit it",
        at: place
      )
    }
    guard spaceBits <= Self.spaceBitsLimit else {
      throw FlywheelError(
        .unsupported,
        "A heap has a space of \(spaceBits) bits; up to \(Self.spaceBitsLimit) are read.",
        at: .init(byteOffset: UInt64(place))
      )
    }
    self.width = Int(width)
    self.firstBits = firstBits
    self.lastDirectBits = lastDirectBits
    self.spaceBits = spaceBits
    firstRowBits = firstBits + widthBits
  }

  /// The number of rows of direct blocks.
  var directRowCount: Int { lastDirectBits - firstBits + 2 }

  /// The most rows that fit the space.
  var rowLimit: Int { spaceBits - firstRowBits + 1 }

  /// The size of each block in a row, which is below the limit.
  func blockByteCount(inRow row: Int) -> UInt64 {
    1 << UInt64(blockBits(inRow: row))
  }

  /// Where in the space of a table a row begins.
  func offset(ofRow row: Int) -> UInt64 {
    row == 0 ? 0 : 1 << UInt64(firstRowBits + row - 1)
  }

  /// How many rows an indirect block in a row has; none or fewer if it has no room for any.
  func rowCount(ofBlockInRow row: Int) -> Int {
    blockBits(inRow: row) - firstRowBits + 1
  }

  private func blockBits(inRow row: Int) -> Int {
    firstBits + max(0, row - 1)
  }

  /// The power of two that a number is; nil if it is none.
  private static func exponent(of number: UInt64) -> Int? {
    number.nonzeroBitCount == 1 ? number.trailingZeroBitCount : nil
  }
}
