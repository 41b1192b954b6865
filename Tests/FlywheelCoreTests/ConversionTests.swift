import CFlywheelKernels
import FlywheelCore
import FlywheelTestSupport
import Testing

/// Conversions against the definitions of the formats.
@Suite struct ConversionTests {
  // One expectation after each loop: thousands of them take longer than what they check.

  // MARK: - Small floats

  @Test(arguments: SmallFloat.all)
  func `every pattern widens to its number`(format: SmallFloat) throws {
    let patterns = Array(0..<format.end)
    let signed = patterns + patterns.map { $0 | format.signBit }
    let numbers = patterns.map(format.value)
    let tensor = try format.tensor(signed)
    let doubles = try tensor.converted(to: .float64).reinterpreted(as: UInt64.self)
    #expect(doubles == (numbers + numbers.map { -$0 }).map(\.bitPattern))
    let floats = try tensor.converted(to: .float32).reinterpreted(as: UInt32.self)
    #expect(floats == (numbers + numbers.map { -$0 }).map { Float($0).bitPattern })
  }

  @Test(arguments: SmallFloat.all)
  func `every pattern comes back from wider floats`(format: SmallFloat) throws {
    let patterns = (0..<(2 * UInt32(format.signBit))).map { UInt16($0) }
    // NaNs come back quiet.
    let quiet = patterns.map { pattern in
      format.nans.contains(pattern & ~format.signBit) ? pattern | format.quietNaN : pattern
    }
    let tensor = try format.tensor(patterns)
    for wide in [.float32, .float64, .complex64, .complex128] as [DType] {
      let back = try tensor.converted(to: wide).converted(to: format.dtype)
      #expect(try format.patterns(back) == quiet, "\(wide)")
    }
  }

  @Test(arguments: SmallFloat.all, [.float32, .float64, .complex128] as [DType])
  func `numbers around every boundary are rounded once, to the nearest, ties to even`(
    format: SmallFloat,
    source: DType
  ) throws {
    var numbers: [Double] = []
    var expected: [UInt16] = []
    for pattern in 0..<format.end {
      let number = format.value(pattern)
      let half = (number + format.value(pattern + 1)) / 2
      let isFloat = source == .float32
      func next(_ number: Double) -> Double {
        isFloat ? Double(Float(number).nextUp) : number.nextUp
      }
      func previous(_ number: Double) -> Double {
        isFloat ? Double(Float(number).nextDown) : number.nextDown
      }
      numbers += [number, next(number), previous(half), half, next(half)]
      expected += [pattern, pattern, pattern, pattern + pattern % 2, pattern + 1]
    }
    let huge = source == .float32 ? Double(Float.greatestFiniteMagnitude) : .greatestFiniteMagnitude
    numbers += [format.value(format.end), huge, .infinity]
    expected += [format.end, format.end, format.end]
    if source != .float32 {
      numbers += [.leastNonzeroMagnitude, 0x1p-1000]
      expected += [0, 0]
    }
    let signed = numbers + numbers.map { -$0 }
    let tensor = try Tensor(vector: signed).converted(to: source)
    let found = try format.patterns(tensor.converted(to: format.dtype))
    let wrong = zip(signed, zip(found, expected + expected.map { $0 | format.signBit }))
      .filter { $0.1.0 != $0.1.1 }
    #expect(wrong.isEmpty)
  }

  @Test(arguments: SmallFloat.all)
  func `a NaN stays one with its sign, quiet, with the bits of its payload that fit`(
    format: SmallFloat
  ) throws {
    let payloads: [UInt32] = [0, 1, 1 << 13, 1 << 16, 1 << 20, 1 << 21, 0x2A_AAAA, 0x3F_FFFF]
    let quiet = payloads.map { 0x7FC0_0000 | $0 }
    let signaling = payloads.dropFirst().map { 0x7F80_0000 | $0 }
    let patterns = quiet + signaling
    let signed = patterns + patterns.map { $0 | 1 << 31 }
    let floats = try Tensor(vector: signed.map { Float(bitPattern: $0) })
    let kept = signed.map { pattern in
      let payload = pattern >> (23 - format.mantissaBits) & (1 << format.mantissaBits - 1)
      return UInt16(pattern >> 31) * format.signBit | format.quietNaN | UInt16(payload)
    }
    #expect(try format.patterns(floats.converted(to: format.dtype)) == kept)
    let doubles = try floats.converted(to: .float64)
    #expect(try format.patterns(doubles.converted(to: format.dtype)) == kept)
    let payloadsKept = try doubles.reinterpreted(as: UInt64.self)
    #expect(
      payloadsKept
        == signed.map { UInt64($0 >> 31) << 63 | 0x7FF8 << 48 | UInt64($0 & 0x3F_FFFF) << 29 }
    )
    let back = try doubles.converted(to: .float32).reinterpreted(as: UInt32.self)
    #expect(back == signed.map { $0 | 1 << 22 })
    // In the small format itself: all its NaNs, as floats.
    let nans = format.nans.map { $0 } + format.nans.map { $0 | format.signBit }
    let widened = try format.tensor(nans).converted(to: .float32).reinterpreted(as: UInt32.self)
    #expect(
      widened
        == nans.map { pattern in
          let payload = format.hasInfinity ? UInt32(pattern) & (1 << format.mantissaBits - 1) : 0
          let sign: UInt32 = pattern & format.signBit == 0 ? 0 : 1 << 31
          return sign | 0x7FC0_0000 | payload << (23 - format.mantissaBits)
        }
    )
  }

  @Test func `one number is converted as a tensor of it is`() throws {
    let patterns = (0..<256).map { UInt8($0) }
    let halves = (0..<65_536).map { UInt16($0) }
    let floats = halves.map { Float(bitPattern: UInt32($0) << 16 | 0x8001) }
    let tensor = try Tensor(vector: floats)
    func check<Small: TensorElement & Equatable>(
      _ numbers: [Small],
      _ narrow: (Float) -> Small,
      _ widen: (Small) -> Float
    ) throws {
      #expect(try tensor.converted(to: Small.dtype).elements() == floats.map(narrow))
      let widened = try Tensor(vector: numbers).converted(to: .float32)
      #expect(
        try widened.reinterpreted(as: UInt32.self) == numbers.map { widen($0).bitPattern }
      )
    }
    try check(patterns.map(Float8E4M3FN.init(bitPattern:)), Float8E4M3FN.init(_:), Float.init(_:))
    try check(patterns.map(Float8E5M2.init(bitPattern:)), Float8E5M2.init(_:), Float.init(_:))
    try check(halves.map(BFloat16.init(bitPattern:)), BFloat16.init(_:), Float.init(_:))
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func `float16 is Swift's Float16`() throws {
      let halves = (0..<UInt16.max).map { Float16(bitPattern: $0) }
      let tensor = try Tensor(vector: halves)
      #expect(tensor.dtype == .float16)
      let floats = try tensor.converted(to: .float32).elements(as: Float.self)
      #expect(zip(halves, floats).allSatisfy { Float($0) == $1 || $0.isNaN && $1.isNaN })
      let numbers = (0..<65_536).map { Float(bitPattern: UInt32($0) << 14 | 0x3800_0001) }
      let narrowed = try Tensor(vector: numbers).converted(to: .float16).elements(as: Float16.self)
      #expect(narrowed == numbers.map { Float16($0) })
    }
  #endif

  // MARK: - Every pair of dtypes

  @Test(arguments: DType.allCases, DType.allCases)
  func `small whole numbers are the same in every dtype`(source: DType, target: DType) throws {
    let numbers = source == .bool ? [0, 1, 1, 0, 1] : [0, 1, 2, 3, 64]
    let tensor = try Self.tensor(numbers, source)
    let converted = try tensor.converted(to: target)
    #expect(converted.dtype == target)
    #expect(converted.shape == tensor.shape)
    let expected = try Self.tensor(target == .bool ? numbers.map { min($0, 1) } : numbers, target)
    #expect(
      try converted.reinterpreted(as: UInt8.self) == expected.reinterpreted(as: UInt8.self)
    )
  }

  @Test(arguments: DType.allCases, DType.allCases)
  func `size and address do not matter`(source: DType, target: DType) throws {
    let few = source == .bool ? [0, 1, 1] : [0, 1, 2, 3, 5, 64, 96]
    var wrong: [String] = []
    for count in [0, 1, 2, 15, 16, 17, 1030] {
      let numbers = (0..<count).map { few[$0 % few.count] }
      let tensor = try Self.tensor(numbers, source)
      let truths = target == .bool ? numbers.map { min($0, 1) } : numbers
      let expected = try Self.tensor(truths, target).reinterpreted(as: UInt8.self)
      for view in [tensor, try tensor.misaligned(by: 1)] {
        let found = try view.converted(to: target).reinterpreted(as: UInt8.self)
        if found != expected { wrong.append("\(count) at \(view.byteOffset)") }
      }
    }
    #expect(wrong.isEmpty)
  }

  @Test func `a tensor of the dtype is itself`() throws {
    let tensor = try Tensor(vector: [1, .nan, -0.0] as [Double])
    #expect(try tensor.converted(to: .float64).storage === tensor.storage)
  }

  @Test func `a scalar stays one, and an empty tensor stays empty`() throws {
    let scalar = try Tensor([2.5] as [Float], shape: Shape([])).converted(to: .float16)
    #expect(scalar.shape.rank == 0)
    #expect(try scalar.reinterpreted(as: UInt16.self) == [0x4100])
    for target in DType.allCases {
      let empty = try Tensor([] as [Float], shape: Shape([3, 0])).converted(to: target)
      #expect(empty.byteCount == 0)
      #expect(empty.shape.extents == [3, 0])
    }
  }

  // MARK: - Integers

  /// Around every power of two, and around what lies half-way between two floats there.
  static let integers: [Int64] = {
    var numbers: [Int64] = [.min, .min + 1, .max, .max - 1, .max - 512, .max - 1 << 38]
    for power in 0..<63 as Range<Int64> {
      let number: Int64 = 1 << power
      let half = number >> 24
      numbers += [number - 1, number, number + 1, 1 - number, -number, -number - 1]
      numbers += [number + half - 1, number + half, number + half + 1, -number - half - 1]
      numbers += [number | 0x155, -number | 0x2AA]
    }
    return numbers
  }()

  @Test func `integers become the nearest float`() throws {
    let numbers = Self.integers
    let unsigned = numbers.map { UInt64(bitPattern: $0) }
    let tensor = try Tensor(vector: numbers)
    let positive = try Tensor(vector: unsigned)
    // Swift's own conversions round once.
    #expect(try tensor.converted(to: .float64).elements() == numbers.map { Double($0) })
    #expect(try tensor.converted(to: .float32).elements() == numbers.map { Float($0) })
    #expect(try positive.converted(to: .float64).elements() == unsigned.map { Double($0) })
    #expect(try positive.converted(to: .float32).elements() == unsigned.map { Float($0) })
  }

  @Test func `integers become the nearest small float, rounded once`() throws {
    // 2^62 + 2^54 is half-way between two bfloat16; as a float32, one more is no more.
    let half: Int64 = 1 << 62 + 1 << 54
    let numbers = [half - 1, half, half + 1, 3 * (half >> 1), 1 << 54 - half]
    let expected: [UInt16] = [0x5E80, 0x5E80, 0x5E81, 0x5EC1, 0xDE80]
    let signed = try Tensor(vector: numbers).converted(to: .bfloat16)
    #expect(try signed.reinterpreted(as: UInt16.self) == expected)
    let unsigned = try Tensor(vector: numbers.dropLast().map { UInt64($0) << 1 })
    #expect(
      try unsigned.converted(to: .bfloat16).reinterpreted(as: UInt16.self)
        == expected.dropLast().map { $0 + 0x80 }
    )
    let half16 = try Tensor(vector: [2049, 2051, 65_519, 65_520, -65_520] as [Int32])
    #expect(
      try half16.converted(to: .float16).reinterpreted(as: UInt16.self)
        == [0x6800, 0x6802, 0x7BFF, 0x7C00, 0xFC00]
    )
  }

  @Test func `floats lose what is behind the point`() throws {
    let numbers: [Double] = [0.99, -0.99, 1.5, 2.5, -2.5, 127.9, -128.9, 0x1p-1074, -0.0]
    let whole: [Int8] = [0, 0, 1, 2, -2, 127, -128, 0, 0]
    #expect(try Tensor(vector: numbers).converted(to: .int8).elements() == whole)
    let positive: [Double] = [-0.99, 255.9, 0x1p-1074]
    #expect(
      try Tensor(vector: positive).converted(to: .uint8).elements() == [0, 255, 0] as [UInt8]
    )
    let large: [Double] = [0x1p63.nextDown, -0x1p63]
    #expect(
      try Tensor(vector: large).converted(to: .int64).elements()
        == [.max - 1023, .min] as [Int64]
    )
    #expect(
      try Tensor(vector: [0x1p64.nextDown]).converted(to: .uint64).elements()
        == [.max - 2047] as [UInt64]
    )
  }

  @Test(
    arguments: [
      (1 << 53 + 1, .float64), (1 << 24 + 1, .float32), (.max, .float64), (2049, .float16),
      (257, .bfloat16), (17, .float8E4M3FN), (9, .float8E5M2),
    ] as [(Int64, DType)]
  )
  func `integers that a float does not hold are rounded to even`(
    number: Int64,
    target: DType
  ) throws {
    let tensor = try Tensor(vector: [number])
    let rounded = try tensor.converted(to: target).converted(to: .float64).elements(as: Double.self)
    #expect(rounded == [number == .max ? 0x1p63 : Double(number - 1)])
  }

  // MARK: - Truth values

  @Test(arguments: DType.allCases.filter { $0.isFloatingPoint || $0.kind == .complex })
  func `all but zero is true, NaN too`(dtype: DType) throws {
    let numbers = try Tensor(vector: [0, -0.0, 1, -1, .nan, 448, -0x1p-9] as [Double])
      .converted(to: dtype)
    #expect(
      try numbers.converted(to: .bool).elements()
        == [false, false, true, true, true, true, true]
    )
  }

  @Test func `an imaginary number is true`() throws {
    let numbers = [
      Complex64(real: 0, imaginary: 1), Complex64(real: -0, imaginary: 0),
      Complex64(real: 0, imaginary: .nan), Complex64(real: 2, imaginary: 0),
    ]
    let tensor = try Tensor(vector: numbers)
    #expect(try tensor.converted(to: .bool).elements() == [true, false, true, true])
    #expect(
      try tensor.converted(to: .complex128).converted(to: .bool).elements()
        == [true, false, true, true]
    )
  }

  @Test(arguments: [0, 1, 2, 1500])
  func `a byte that is no truth value is refused, never made a Bool`(place: Int) throws {
    var bytes = [UInt8](repeating: 1, count: place + 3)
    bytes[place] = 2
    bytes[place + 1] = 0xFF
    let storage = try Tensor(vector: [9] + bytes).storage
    let tensor = try Tensor(
      dtype: .bool,
      shape: Shape(vector: bytes.count),
      storage: storage,
      byteOffset: 1
    )
    let faults = [
      #expect(throws: FlywheelError.self) { try tensor.elements(as: Bool.self) },
      #expect(throws: FlywheelError.self) { try tensor.converted(to: .float32) },
    ]
    for fault in faults {
      #expect(fault?.code == .malformed)
      #expect(fault?.message.contains("the byte 2 as element \(place)") == true)
      #expect(fault?.location.byteOffset == nil)
    }
  }

  // MARK: - Complex numbers

  @Test func `a complex number is converted part by part`() throws {
    let wide = [
      Complex128(real: 0.1, imaginary: -1e300), Complex128(real: -0.0, imaginary: .infinity),
      Complex128(real: 1 + 0x1p-24 + 0x1p-50, imaginary: 0x1p-150),
    ]
    let narrow = [
      Complex64(real: 0.1, imaginary: -.infinity), Complex64(real: -0.0, imaginary: .infinity),
      Complex64(real: (1 as Float).nextUp, imaginary: 0),
    ]
    let tensor = try Tensor(vector: wide)
    #expect(try tensor.converted(to: .complex64).elements() == narrow)
    let back = try Tensor(vector: narrow).converted(to: .complex128)
    #expect(
      try back.elements()
        == narrow.map { Complex128(real: Double($0.real), imaginary: Double($0.imaginary)) }
    )
  }

  @Test func `a complex number without an imaginary part is real`() throws {
    let numbers = [
      Complex128(real: 1 + 0x1p-11 + 0x1p-40, imaginary: 0), Complex128(real: -3, imaginary: -0.0),
    ]
    let tensor = try Tensor(vector: numbers)
    #expect(try tensor.converted(to: .float16).reinterpreted(as: UInt16.self) == [0x3C01, 0xC200])
    #expect(try tensor.converted(to: .int8).elements() == [1, -3] as [Int8])
    #expect(try tensor.converted(to: .complex64).converted(to: .float64).elements()[1] == -3.0)
  }

  // MARK: - What does not fit

  @Test(
    arguments: try [
      (Tensor(vector: [0, 300] as [Int16]), .int8, 1, "300"),
      (Tensor(vector: [0, 127, 128] as [UInt8]), .int8, 2, "128"),
      (Tensor(vector: [0, -1] as [Int8]), .uint64, 1, "-1"),
      (Tensor(vector: [1 << 63] as [UInt64]), .int64, 0, "9223372036854775808"),
      (Tensor(vector: [1, .max] as [UInt64]), .uint32, 1, "18446744073709551615"),
      (Tensor(vector: [-129] as [Int64]), .int8, 0, "-129"),
      (Tensor(vector: [1 << 32] as [Int64]), .uint32, 0, "4294967296"),
      (Tensor(vector: [127.9, 128] as [Float]), .int8, 1, "128.0"),
      (Tensor(vector: [-0.9, -1] as [Double]), .uint8, 1, "-1.0"),
      (Tensor(vector: [0x1p63] as [Double]), .int64, 0, "9.223372036854776e+18"),
      (Tensor(vector: [0x1p64] as [Double]), .uint64, 0, "1.8446744073709552e+19"),
      (Tensor(vector: [1, 2, .nan] as [Float]), .int32, 2, "nan"),
      (Tensor(vector: [.infinity] as [Double]), .int64, 0, "inf"),
      (Tensor(vector: [-.infinity] as [Double]), .uint64, 0, "-inf"),
      (Tensor(vector: [BFloat16(1), BFloat16(-1e30)]), .int64, 1, "e+30"),
      (Tensor(vector: [Float8E5M2(.infinity)]), .uint8, 0, "inf"),
      (Tensor(vector: [Complex64(real: 1, imaginary: 2)]), .float32, 0, "1.0 + 2.0i"),
      (Tensor(vector: [Complex128(real: 1, imaginary: .nan)]), .float64, 0, "nan"),
      (Tensor(vector: [Complex128(real: 300, imaginary: 0)]), .int8, 0, "300.0"),
    ] as [(Tensor, DType, Int, String)]
  )
  func `what a dtype does not hold is refused by its index`(
    tensor: Tensor,
    target: DType,
    index: Int,
    text: String
  ) throws {
    let error = #expect(throws: FlywheelError.self) { try tensor.converted(to: target) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("Element \(index) is ") == true)
    #expect(error?.message.contains(text) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains(target.rawValue) == true)
    #expect(error?.location.byteOffset == nil)
  }

  @Test(arguments: [0, 5, 1023, 1024, 2500])
  func `the first misfit is named, whichever step meets it`(place: Int) throws {
    // The first step refuses 2^63, a later one 300.
    var numbers = [UInt64](repeating: 7, count: 4000)
    numbers[place] = 300
    numbers[place + 2] = 1 << 63
    let error = #expect(throws: FlywheelError.self) {
      try Tensor(vector: numbers).converted(to: .int8)
    }
    #expect(error?.message.contains("Element \(place) is 300") == true)
    numbers.swapAt(place, place + 2)
    let other = #expect(throws: FlywheelError.self) {
      try Tensor(vector: numbers).converted(to: .int8)
    }
    #expect(other?.message.contains("Element \(place) is 9223372036854775808") == true)
  }

  @Test(
    arguments: [(.bool, .uint8, 3), (.uint8, .int8, 3), (.uint16, .uint8, 2)]
      as [(DType, DType, UInt64)]
  )
  func `in a mapped file what does not fit has a place`(
    dtype: DType,
    target: DType,
    byteOffset: UInt64
  ) throws {
    let directory = try TemporaryDirectory()
    let file = try directory.write([9, 9, 0, 200, 1, 0], to: "tensor")
    let tensor = try Tensor(
      dtype: dtype,
      shape: Shape(vector: 4 / dtype.byteCount),
      storage: TensorStorage(mapping: try MappedFile(path: file)),
      byteOffset: 2
    )
    let error = #expect(throws: FlywheelError.self) { try tensor.converted(to: target) }
    #expect(error?.location.byteOffset == byteOffset)
  }

  // MARK: - Byte order

  @Test(arguments: DType.allCases)
  func `swapped bytes are each part's bytes in reverse`(dtype: DType) throws {
    let bytes = (0..<192).map { UInt8($0) }
    let partSize = dtype.kind == .complex ? dtype.byteCount / 2 : dtype.byteCount
    let expected = stride(from: 0, to: bytes.count, by: partSize).flatMap { first in
      bytes[first..<first + partSize].reversed()
    }
    let tensor = try Tensor(
      dtype: dtype,
      shape: Shape([3, 64 / dtype.byteCount]),
      storage: Tensor(vector: bytes).storage
    )
    let swapped = try tensor.byteSwapped()
    #expect(swapped.dtype == dtype)
    #expect(swapped.shape == tensor.shape)
    #expect(try swapped.reinterpreted(as: UInt8.self) == expected)
    #expect(try tensor.misaligned(by: 3).byteSwapped().crc32 == swapped.crc32)
    #expect(try swapped.byteSwapped().crc32 == tensor.crc32)
  }

  // MARK: - Levels

  @Test func `every level of this CPU makes the same bits of any bytes`() async {
    // In a process of its own: the level is everyone's, and other tests are in kernels right now.
    await #expect(processExitsWith: .success) {
      var first: [String: String]?
      for level in ["x86-64-v4", "x86-64-v3", "x86-64", "arm64", "generic"]
      where unsafe fw_kernels_select(level) != 0 {
        let results = try allConversions()
        let different = results.keys.filter { (first ?? results)[$0] != results[$0] }.sorted()
        #expect(different.isEmpty, "on \(level)")
        first = first ?? results
      }
      #expect(first?.count ?? 0 > 300)
    }
  }

  // MARK: - Examples

  /// Whole numbers that every dtype holds, put together by hand.
  static func tensor(_ numbers: [Int], _ dtype: DType) throws -> Tensor {
    switch dtype {
    case .bool: try Tensor(vector: numbers.map { $0 != 0 })
    case .int8: try Tensor(vector: numbers.map { Int8($0) })
    case .int16: try Tensor(vector: numbers.map { Int16($0) })
    case .int32: try Tensor(vector: numbers.map { Int32($0) })
    case .int64: try Tensor(vector: numbers.map { Int64($0) })
    case .uint8: try Tensor(vector: numbers.map { UInt8($0) })
    case .uint16: try Tensor(vector: numbers.map { UInt16($0) })
    case .uint32: try Tensor(vector: numbers.map { UInt32($0) })
    case .uint64: try Tensor(vector: numbers.map { UInt64($0) })
    case .float32: try Tensor(vector: numbers.map { Float($0) })
    case .float64: try Tensor(vector: numbers.map { Double($0) })
    case .complex64: try Tensor(vector: numbers.map { Complex64(real: Float($0), imaginary: 0) })
    case .complex128:
      try Tensor(vector: numbers.map { Complex128(real: Double($0), imaginary: 0) })
    case .float8E4M3FN, .float8E5M2, .float16, .bfloat16: try small(numbers, dtype)
    }
  }

  private static func small(_ numbers: [Int], _ dtype: DType) throws -> Tensor {
    let format = try #require(SmallFloat.all.first { $0.dtype == dtype })
    var patterns: [Int: UInt16] = [:]
    for number in Set(numbers) {
      patterns[number] = (0..<format.end).first { format.value($0) == Double(number) }
    }
    return try format.tensor(numbers.map { patterns[$0] ?? format.end })
  }
}

/// What becomes of bytes of every kind in every conversion, by checksum or by the error's words.
private func allConversions() throws -> [String: String] {
  var generator = Philox(seed: 3, stream: 1)
  let random = (0..<300).map { _ in generator.next() }
  // Small integers and their negatives, and numbers of every size.
  let small = (0..<300).map { UInt64(bitPattern: Int64($0 % 251 - 125)) }
  let doubles = (0..<2_046).map { UInt64($0) << 52 | random[$0 % 300] >> (12 + UInt64($0 % 40)) }
  let halves = (0..<16_384).map { UInt64($0) &* 0x0004_0004_0004_0004 &+ 0x0003_0002_0001_0000 }
  var results: [String: String] = [:]
  for (name, words, size) in [
    ("random", random, 0), ("small", small, 0), ("doubles", doubles, 8), ("halves", halves, 2),
  ] {
    let bytes = try Tensor(vector: words)
    // In debug builds a conversion takes its time: what is long is there for some sizes only.
    for source in DType.allCases where words.count <= 300 || source.byteCount == size {
      let tensor = try Tensor(
        dtype: source,
        shape: Shape(vector: bytes.byteCount / source.byteCount),
        storage: bytes.storage
      )
      results["\(name), finite \(source)"] = "\(tensor.isFinite)"
      results["\(name), swapped \(source)"] = "\(try tensor.byteSwapped().crc32)"
      results["\(name), statistics \(source)"] = "\(tensor.statistics())"
      for target in DType.allCases {
        let result: String
        do throws(FlywheelError) {
          result = "\(try tensor.converted(to: target).crc32)"
        } catch {
          result = error.message
        }
        results["\(name), \(source) to \(target)"] = result
      }
    }
  }
  return results
}
