import FlywheelCore
import Testing

@Suite struct ShapeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var extents: [Int]
    var elementCount: Int
    var testDescription: String

    init(_ extents: [Int], _ elementCount: Int, _ description: String) {
      self.extents = extents
      self.elementCount = elementCount
      testDescription = description
    }
  }

  @Test(arguments: [
    Case([], 1, "()"),
    Case([0], 0, "(0,)"),
    Case([7], 7, "(7,)"),
    Case([30, 784], 23_520, "(30, 784)"),
    Case([2, 3, 5, 7], 210, "(2, 3, 5, 7)"),
    Case([3, 0, 2], 0, "(3, 0, 2)"),
    Case([.max], .max, "(9223372036854775807,)"),
    Case([1, .max, 1], .max, "(1, 9223372036854775807, 1)"),
    Case([.max, 0], 0, "(9223372036854775807, 0)"),
  ])
  func `a shape counts its elements and reads as in numpy`(example: Case) throws {
    let shape = try Shape(example.extents)
    #expect(shape.extents == example.extents)
    #expect(shape.rank == example.extents.count)
    #expect(shape.elementCount == example.elementCount)
    #expect(shape.description == example.testDescription)
  }

  @Test(arguments: [[-1], [.min], [3, -1], [-1, -1], [0, -2]])
  func `a negative extent is refused`(extents: [Int]) {
    let error = #expect(throws: FlywheelError.self) { try Shape(extents) }
    #expect(error?.code == .malformed)
  }

  @Test(
    arguments: [
      [.max, 2], [1 << 32, 1 << 31], [1 << 21, 1 << 21, 1 << 21],
      // A zero excuses nothing, wherever it stands: such numbers cannot be true.
      [0, .max, 2], [.max, 0, 2], [.max, 2, 0],
    ] as [[Int]]
  )
  func `more elements than an integer counts are refused`(extents: [Int]) {
    let error = #expect(throws: FlywheelError.self) { try Shape(extents) }
    #expect(error?.code == .limitExceeded)
  }

  @Test(
    arguments: [
      ([.max], .uint8, .max), ([.max], .int16, nil),
      ([(1 << 62) - 1], .uint16, .max - 1), ([1 << 62], .uint16, nil),
      ([1 << 30, (1 << 31) - 1], .float32, 9_223_372_032_559_808_512),
      ([1 << 30, 1 << 31], .float32, nil),
      ([(1 << 60) - 1], .float64, .max - 7), ([1 << 60], .float64, nil),
      ([0, 1 << 60], .float64, 0), ([], .float64, 8), ([2, 3], .int8, 6),
    ] as [([Int], DType, Int?)]
  )
  func `bytes are counted, or refused when they overflow`(
    extents: [Int],
    dtype: DType,
    byteCount: Int?
  ) throws {
    let shape = try Shape(extents)
    if let byteCount {
      #expect(try shape.byteCount(of: dtype) == byteCount)
    } else {
      let error = #expect(throws: FlywheelError.self) { try shape.byteCount(of: dtype) }
      #expect(error?.code == .limitExceeded)
    }
  }

  @Test func `scalars and vectors are shapes like any other`() throws {
    #expect(try Shape.scalar == Shape([]))
    for count in [0, 1, 784] { #expect(try Shape(vector: count) == Shape([count])) }
    #expect(try Set([Shape([2, 3]), Shape([3, 2]), Shape([6]), Shape([2, 3])]).count == 3)
  }
}
