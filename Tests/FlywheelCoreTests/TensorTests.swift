import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@Suite struct TensorTests {
  /// All but `Bool`, which not every byte is, and `Float16`, which not every platform has.
  static let types: [any TensorElement.Type] = [
    Int8.self, Int16.self, Int32.self, Int64.self, UInt8.self, UInt16.self, UInt32.self,
    UInt64.self, Float8E4M3FN.self, Float8E5M2.self, BFloat16.self, Float.self, Double.self,
    Complex64.self, Complex128.self,
  ]

  /// Bytes among which are infinities, signalling NaNs and subnormal numbers of either width.
  static let patterns: [UInt8] =
    [0, 0, 0x80, 0x7F, 0, 0, 0xF0, 0xFF, 1, 0, 0x80, 0xFF, 1, 0, 0xF0, 0x7F]
    + [UInt8](repeating: 0xFF, count: 8) + [1, 0, 0, 0, 0, 0, 0, 0x80]

  private static func storage(_ bytes: [UInt8]) throws -> TensorStorage {
    try Tensor(vector: bytes).storage
  }

  // MARK: - Elements

  @Test(
    arguments: [
      (.bool, "bool", 1, false),
      (.int8, "int8", 1, false), (.int16, "int16", 2, false), (.int32, "int32", 4, false),
      (.int64, "int64", 8, false), (.uint8, "uint8", 1, false), (.uint16, "uint16", 2, false),
      (.uint32, "uint32", 4, false), (.uint64, "uint64", 8, false),
      (.float8E4M3FN, "float8_e4m3fn", 1, true), (.float8E5M2, "float8_e5m2", 1, true),
      (.float16, "float16", 2, true), (.bfloat16, "bfloat16", 2, true),
      (.float32, "float32", 4, true), (.float64, "float64", 8, true),
      (.complex64, "complex64", 8, false), (.complex128, "complex128", 16, false),
    ] as [(DType, String, Int, Bool)]
  )
  func `a dtype has numpy's name and size`(
    dtype: DType,
    name: String,
    byteCount: Int,
    isFloatingPoint: Bool
  ) {
    #expect(dtype.rawValue == name)
    #expect(dtype.byteCount == byteCount)
    #expect(dtype.isFloatingPoint == isFloatingPoint)
  }

  @Test func `there is an element type for every dtype`() {
    let dtypes = Set(Self.types.map { $0.dtype } + [.bool, .float16])
    #expect(dtypes == Set(DType.allCases))
    #expect(Self.types.count == DType.allCases.count - 2)
  }

  @Test func `truth values are bytes`() throws {
    let tensor = try Tensor(vector: [true, false, true])
    #expect(tensor.dtype == .bool)
    #expect(copy(of: tensor.bytes) == [1, 0, 1])
    #expect(try tensor.elements() == [true, false, true])
  }

  @Test(arguments: types.indices)
  func `elements are the bytes, whatever the bits`(index: Int) throws {
    func check<Element: TensorElement>(_ type: Element.Type) throws {
      #expect(type.dtype.byteCount == MemoryLayout<Element>.stride)
      let count = Self.patterns.count / type.dtype.byteCount
      let view = try Tensor(
        dtype: type.dtype,
        shape: Shape(vector: count),
        storage: Self.storage(Self.patterns)
      )
      let elements = try view.elements(as: type)
      #expect(elements.count == count)
      #expect(copy(of: elements.rawBytes) == Self.patterns)
      let tensor = try Tensor(vector: elements)
      #expect(tensor.dtype == type.dtype)
      #expect(tensor.byteCount == Self.patterns.count)
      #expect(copy(of: tensor.bytes) == Self.patterns)
    }
    try check(Self.types[index])
  }

  @Test func `elements are little-endian and in row-major order`() throws {
    let tensor = try Tensor([1, -2, 0x0102_0304, 4] as [Int32], shape: Shape([2, 2]))
    #expect(
      copy(of: tensor.bytes) == [1, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 4, 3, 2, 1, 4, 0, 0, 0]
    )
  }

  @Test(arguments: types.indices, types.indices)
  func `elements come out as their own type only`(held: Int, asked: Int) throws {
    func ask<Element: TensorElement>(_ type: Element.Type, of tensor: Tensor) throws {
      if held == asked {
        #expect(try tensor.elements(as: type).count == tensor.shape.elementCount)
        return
      }
      let error = #expect(throws: FlywheelError.self) { try tensor.elements(as: type) }
      #expect(error?.code == .mismatch)
      #expect(error?.message.contains(tensor.dtype.rawValue) == true)
      #expect(error?.message.contains(type.dtype.rawValue) == true)
    }
    let dtype = Self.types[held].dtype
    let count = Self.patterns.count / dtype.byteCount
    let tensor = try Tensor(
      dtype: dtype,
      shape: Shape(vector: count),
      storage: Self.storage(Self.patterns)
    )
    try ask(Self.types[asked], of: tensor)
  }

  @Test(arguments: [([2, 3], 5), ([2, 3], 7), ([], 0), ([], 2), ([0], 1), ([4], 0)])
  func `elements must fill the shape`(extents: [Int], count: Int) throws {
    let shape = try Shape(extents)
    let error = #expect(throws: FlywheelError.self) {
      try Tensor([Float](repeating: 1, count: count), shape: shape)
    }
    #expect(error?.code == .mismatch)
  }

  @Test(arguments: [[0], [3, 0], [0, 0, 5]])
  func `an empty tensor has no bytes and no elements`(extents: [Int]) throws {
    let tensor = try Tensor([] as [Double], shape: Shape(extents))
    #expect(tensor.byteCount == 0)
    #expect(tensor.bytes.byteCount == 0)
    #expect(try tensor.elements() == [] as [Double])
    #expect(tensor.crc32 == 0)
  }

  // MARK: - Views

  @Test(
    arguments: [
      (0, [3], .uint8, [0, 1, 2]), (5, [2, 2], .uint8, [5, 6, 7, 8]), (15, [], .uint8, [15]),
      (16, [0], .float64, []), (1, [2], .uint16, [1, 2, 3, 4]), (3, [1], .float32, [3, 4, 5, 6]),
      (7, [1], .int64, Array(7..<15)), (8, [1, 1], .float64, Array(8..<16)),
    ] as [(Int, [Int], DType, [UInt8])]
  )
  func `a view begins at its offset, aligned or not, and ends with its shape`(
    offset: Int,
    extents: [Int],
    dtype: DType,
    bytes: [UInt8]
  ) throws {
    let storage = try Self.storage(Array(0..<16))
    let view = try Tensor(
      dtype: dtype,
      shape: Shape(extents),
      storage: storage,
      byteOffset: offset
    )
    #expect(view.storage === storage)
    #expect(view.byteOffset == offset)
    #expect(view.byteCount == bytes.count)
    #expect(copy(of: view.bytes) == bytes)
    #expect(view.crc32 == CRC32.checksum(bytes.rawBytes))
    switch dtype {
    case .float32: #expect(try rawBytes(of: view, as: Float.self) == bytes)
    case .float64: #expect(try rawBytes(of: view, as: Double.self) == bytes)
    case .int64: #expect(try rawBytes(of: view, as: Int64.self) == bytes)
    case .uint16: #expect(try rawBytes(of: view, as: UInt16.self) == bytes)
    default: #expect(try view.elements() == bytes)
    }
  }

  @Test(
    arguments: [
      (0, [17], .uint8, .truncated), (1, [16], .uint8, .truncated), (16, [1], .int8, .truncated),
      (17, [0], .uint8, .truncated), (.max, [0], .uint8, .truncated),
      (.max, [.max], .uint8, .truncated), (-1, [1], .uint8, .truncated),
      (.min, [1], .uint8, .truncated), (-1, [0], .uint8, .truncated),
      (0, [.max], .uint8, .truncated), (9, [], .float64, .truncated),
      (0, [3, 3], .uint16, .truncated), (0, [1 << 60], .float64, .limitExceeded),
    ] as [(Int, [Int], DType, FlywheelError.Code)]
  )
  func `a view past its storage is refused`(
    offset: Int,
    extents: [Int],
    dtype: DType,
    code: FlywheelError.Code
  ) throws {
    let storage = try Self.storage(Array(0..<16))
    let shape = try Shape(extents)
    let error = #expect(throws: FlywheelError.self) {
      try Tensor(dtype: dtype, shape: shape, storage: storage, byteOffset: offset)
    }
    #expect(error?.code == code)
    if code == .truncated {
      #expect(error?.location.byteOffset == UInt64(max(0, offset)))
    }
  }

  // MARK: - Storage

  @Test(arguments: [0, 1, 63, 64, 65, 1_000, 100_000, 5 << 20])
  func `a block lies on 64 bytes`(byteCount: Int) throws {
    // Several at once: one may lie there by chance.
    let blocks = try (0..<4).map { _ in
      try TensorStorage(byteCount: byteCount, initializingWith: { (_) throws(FlywheelError) in })
    }
    for block in blocks {
      #expect(block.byteCount == byteCount)
      #expect(block.bytes.byteCount == byteCount)
      #expect(!block.isMapped)
      #expect(address(of: block.bytes) % 64 == 0)
    }
  }

  @Test(arguments: [0, 1, 64, 999, 1_000])
  func `what is not filled is zero`(filled: Int) throws {
    // Memory that was just used by another block is not zero by itself.
    for _ in 0..<20 {
      _ = try Tensor(vector: [UInt8](repeating: 0xAA, count: 1_000))
      let storage = try TensorStorage(byteCount: 1_000) { (output) throws(FlywheelError) in
        for _ in 0..<filled { output.append(0xBB) }
      }
      let expected =
        [UInt8](repeating: 0xBB, count: filled) + [UInt8](repeating: 0, count: 1_000 - filled)
      #expect(copy(of: storage.bytes) == expected)
    }
  }

  @Test func `what filling throws is thrown on`() {
    let fault = FlywheelError(.corrupted, "No.")
    #expect(throws: fault) {
      try TensorStorage(byteCount: 100) { (output) throws(FlywheelError) in
        output.append(1)
        throw fault
      }
    }
    #expect(throws: fault) {
      try unsafe TensorStorage(
        byteCount: 100,
        unsafeFilledBy: { (_) throws(FlywheelError) in
          throw fault
        }
      )
    }
  }

  @Test(arguments: [1 << 60, .max])
  func `memory that there is not is refused`(byteCount: Int) {
    let error = #expect(throws: FlywheelError.self) {
      try TensorStorage(byteCount: byteCount, initializingWith: { (_) throws(FlywheelError) in })
    }
    #expect(error?.code == .limitExceeded)
    #expect(error?.message.contains("\(byteCount)") == true)
  }

  @Test func `a block lives as long as a tensor that views it, and no longer`() throws {
    var whole: Tensor? = try Tensor(vector: Array(0..<100) as [UInt8])
    weak let storage = whole?.storage
    var part: Tensor?
    if let storage {
      part = try Tensor(dtype: .uint8, shape: Shape([3]), storage: storage, byteOffset: 97)
    }
    whole = nil
    #expect(storage != nil)
    #expect(try part?.elements() == [97, 98, 99] as [UInt8])
    part = nil
    #expect(storage == nil)
  }

  @Test func `a mapping lives as long as a tensor that views it, and no longer`() throws {
    let directory = try TemporaryDirectory()
    let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
    let path = try directory.write(bytes, to: "mapped")
    func view() throws -> Tensor {
      let storage = TensorStorage(mapping: try MappedFile(path: path))
      #expect(storage.isMapped)
      #expect(storage.byteCount == bytes.count)
      return try Tensor(dtype: .uint8, shape: Shape([5]), storage: storage, byteOffset: 9_995)
    }
    var tensor: Tensor? = try view()
    try FileSystem.removeFile(path)
    #expect(try tensor?.elements() == Array(bytes[9_995...]))
    #if os(Linux)
      #expect(try mappingCount(of: path) == 1)
    #endif
    tensor = nil
    #if os(Linux)
      #expect(try mappingCount(of: path) == 0)
    #endif
  }
}

private func copy(of bytes: RawSpan) -> [UInt8] {
  unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
}

private func rawBytes<Element: TensorElement>(
  of tensor: Tensor,
  as type: Element.Type
) throws -> [UInt8] {
  let elements = try tensor.elements(as: type)
  return copy(of: elements.rawBytes)
}

private func address(of bytes: RawSpan) -> UInt {
  unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
}
