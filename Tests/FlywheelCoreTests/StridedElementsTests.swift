import FlywheelCore
import Testing

@Suite("Elements at regular distances")
struct StridedElementsTests {
  struct Case: CustomTestStringConvertible {
    let extents: [Int]
    let strides: [Int]

    var testDescription: String { "\(extents) by \(strides)" }
  }

  static let cases = [
    Case(extents: [], strides: []),
    Case(extents: [1, 1], strides: [7, 9]),
    Case(extents: [5], strides: [1]),
    Case(extents: [5], strides: [3]),
    Case(extents: [5], strides: [0]),
    Case(extents: [0, 4], strides: [4, 1]),
    Case(extents: [4, 0], strides: [9, 9]),
    Case(extents: [3, 4], strides: [4, 1]),
    Case(extents: [3, 4], strides: [1, 3]),
    Case(extents: [3, 4], strides: [9, 2]),
    Case(extents: [3, 4], strides: [0, 1]),
    Case(extents: [3, 4], strides: [1, 0]),
    Case(extents: [3, 4], strides: [1, 1]),
    Case(extents: [2, 3, 5, 7], strides: [105, 1, 21, 3]),
    Case(extents: [100, 70], strides: [1, 100]),
    Case(extents: [33, 3, 65], strides: [1, 2145, 33]),
    Case(extents: [2, 1, 3, 1, 2], strides: [6, 99, 2, 0, 1]),
    Case(extents: [4, 2, 3], strides: [0, 3, 1]),
  ]

  /// The elements one behind the other, by the definition.
  private static func expected(_ array: Case, _ size: Int, _ source: [UInt8]) -> [UInt8] {
    var places = [0]
    for (extent, stride) in zip(array.extents, array.strides) {
      places = places.flatMap { place in (0..<extent).map { place + $0 * stride } }
    }
    return places.flatMap { source[$0 * size..<($0 + 1) * size] }
  }

  private static func source(_ byteCount: Int) -> [UInt8] {
    var random = Philox(seed: 3, stream: 1)
    return (0..<byteCount).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  @Test("are gathered in row-major order", arguments: cases, [1, 2, 3, 4, 8, 16])
  func gathered(array: Case, size: Int) throws {
    let shape = try Shape(array.extents)
    let elements = StridedElements(shape: shape, strides: array.strides, elementByteCount: size)
    let reach = try #require(elements.reach)
    // No byte more than the elements reach: one beyond would trap.
    let source = Self.source(reach * size)
    let expected = Self.expected(array, size, source)
    let whole = try unsafe TensorStorage(byteCount: shape.elementCount * size) {
      unsafe elements.gather(from: source.rawBytes, into: $0)
    }
    #expect(Self.bytes(whole.bytes) == expected)
    for limit in [1, 10, 64, 1 << 20] {
      var pieces: [UInt8] = []
      try elements.read(from: source.rawBytes, pieceByteCount: limit) {
        (piece) throws(FlywheelError) in
        #expect(piece.byteCount <= max(limit, size) && piece.byteCount.isMultiple(of: size))
        pieces += Self.bytes(piece)
      }
      #expect(pieces == expected)
    }
    let isRowMajor = expected.count == source.count && expected == source
    #expect(elements.areContiguous == isRowMajor)
  }

  private static func bytes(_ span: RawSpan) -> [UInt8] {
    unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  @Test("reach no further than an Int counts")
  func overflow() throws {
    for (extents, strides) in [
      ([2], [Int.max]), ([3], [Int.max / 2 + 1]), ([2, 2], [Int.max - 1, 1]),
    ] {
      let elements = try StridedElements(
        shape: Shape(extents),
        strides: strides,
        elementByteCount: 1
      )
      #expect(elements.reach == nil)
    }
    let empty = try StridedElements(shape: Shape([0, 2]), strides: [1, .max], elementByteCount: 1)
    #expect(empty.reach == 0)
  }
}
