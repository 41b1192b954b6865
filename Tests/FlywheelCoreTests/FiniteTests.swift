import FlywheelCore
import Testing

@Suite struct FiniteTests {
  static let finite: [Double] = [
    0, -0.0, 1, -1, .pi, .leastNonzeroMagnitude, .leastNormalMagnitude,
    -.greatestFiniteMagnitude, .greatestFiniteMagnitude, 0x1p1023,
  ]
  static let finite32: [Float] = [
    0, -0.0, 1, -1, .pi, .leastNonzeroMagnitude, .leastNormalMagnitude,
    -.greatestFiniteMagnitude, .greatestFiniteMagnitude, 0x1p127,
  ]
  static let notFinite: [Double] = [
    .infinity, -.infinity, .nan, -.nan, .signalingNaN, Double(nan: 1, signaling: false),
    Double(nan: 1, signaling: true),
  ]
  static let notFinite32: [Float] = [
    .infinity, -.infinity, .nan, -.nan, .signalingNaN, Float(nan: 1, signaling: false),
    Float(nan: 1, signaling: true),
  ]

  @Test(arguments: 0...40)
  func `finite numbers of every size are finite`(count: Int) throws {
    let values = (0..<count).map { Self.finite[$0 % Self.finite.count] }
    let values32 = (0..<count).map { Self.finite32[$0 % Self.finite32.count] }
    #expect(try Tensor(vector: values).isFinite)
    #expect(try Tensor(vector: values32).isFinite)
  }

  @Test(arguments: 0..<33)
  func `one infinity or NaN is found wherever it is`(place: Int) throws {
    for fault in Self.notFinite {
      var values = [Double](repeating: 1, count: 33)
      values[place] = fault
      #expect(try !Tensor(vector: values).isFinite)
    }
    for fault in Self.notFinite32 {
      var values = [Float](repeating: 1, count: 33)
      values[place] = fault
      #expect(try !Tensor(vector: values).isFinite)
    }
  }

  @Test(
    arguments: DType.allCases.filter { !$0.isFloatingPoint && $0.kind != .complex }
  )
  func `integers and truth values are finite, whatever their bits`(dtype: DType) throws {
    let storage = try Tensor(vector: [UInt8](repeating: 0xFF, count: 64)).storage
    let shape = Shape(vector: 64 / dtype.byteCount)
    #expect(try Tensor(dtype: dtype, shape: shape, storage: storage).isFinite)
  }

  @Test(arguments: SmallFloat.all)
  func `every pattern of a small float is judged as what it stands for`(
    format: SmallFloat
  ) throws {
    let finite = (0..<format.end).flatMap { [$0, $0 | format.signBit] }
    #expect(try format.tensor(finite).isFinite)
    let wrong = try (format.end..<format.signBit).flatMap { [$0, $0 | format.signBit] }
      .filter { try format.tensor([0, 0, $0]).isFinite }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: [0, 1, 2, 3])
  func `a complex number is finite if both parts are`(place: Int) throws {
    var parts: [Double] = [1, -1, .greatestFiniteMagnitude, 0]
    func isFinite() throws -> (Bool, Bool) {
      let wide = [
        Complex128(real: parts[0], imaginary: parts[1]),
        Complex128(real: parts[2], imaginary: parts[3]),
      ]
      parts[2] = min(parts[2], 3e38)
      let narrow = [
        Complex64(real: Float(parts[0]), imaginary: Float(parts[1])),
        Complex64(real: Float(parts[2]), imaginary: Float(parts[3])),
      ]
      return (try Tensor(vector: wide).isFinite, try Tensor(vector: narrow).isFinite)
    }
    #expect(try isFinite() == (true, true))
    parts[place] = -.infinity
    #expect(try isFinite() == (false, false))
    parts[place] = .nan
    #expect(try isFinite() == (false, false))
  }

  @Test func `a view is judged by its own elements`() throws {
    let whole = try Tensor(vector: [.nan, 1, 2, .infinity] as [Double])
    let inner = try Tensor(
      dtype: .float64,
      shape: Shape([2]),
      storage: whole.storage,
      byteOffset: 8
    )
    #expect(inner.isFinite)
    #expect(!whole.isFinite)
  }

  @Test(arguments: [1, 2, 3, 5, 7])
  func `a view may begin anywhere in its storage`(_ offset: Int) throws {
    let storage = try TensorStorage(byteCount: 64) { (output) throws(FlywheelError) in
      for _ in 0..<offset { unsafe output.append(1, as: UInt8.self) }
      for number in [1, .infinity] as [Double] { unsafe output.append(number, as: Double.self) }
    }
    func isFinite(_ dtype: DType, count: Int) throws -> Bool {
      try Tensor(
        dtype: dtype,
        shape: Shape(vector: count),
        storage: storage,
        byteOffset: offset
      ).isFinite
    }
    #expect(try isFinite(.float64, count: 1))
    #expect(try !isFinite(.float64, count: 2))
    #expect(try isFinite(.float32, count: 3))
  }
}
