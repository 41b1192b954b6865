import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Every dtype, layout and byte order, with the values that conversions get wrong.
@Suite("HDF5 dtypes")
struct HDF5DTypeTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("dtypes.h5")
  }

  static let layouts: [(String, HDF5Layout)] = [
    ("contiguous", .contiguous), ("chunked", .chunked([5])),
    ("shuffled", .chunked([5], HDF5Filters(shuffles: true))),
    ("gzip", .chunked([5], HDF5Filters(gzipLevel: 9))),
    ("compressed", .chunked([5], .compressed(level: 1))),
    ("checked", .chunked([5], HDF5Filters(hasChecksums: true))),
    ("all", .chunked([3], HDF5Filters(shuffles: true, gzipLevel: 4, hasChecksums: true))),
  ]

  /// Zeros of both signs, ones, the smallest and largest, subnormal, infinite, and NaNs of both kinds
  /// with payloads, as bits; of complex numbers, the parts.
  static func specialBits(_ dtype: DType) -> [UInt64] {
    switch dtype {
    case .bool: [0, 1, 1, 0, 1]
    case .float8E4M3FN, .float8E5M2: Array(0...0xFF)
    case .float16:
      [
        0, 0x8000, 0x3C00, 0x3C01, 1, 0x83FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00, 0x7E00, 0x7C01,
        0xFDAB,
      ]
    case .bfloat16:
      [0, 0x8000, 0x3F80, 0x3F81, 1, 0x807F, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFAB]
    case .float32, .complex64:
      [
        0, 0x8000_0000, 0x3F80_0000, 1, 0x807F_FFFF, 0x0080_0000, 0x7F7F_FFFF, 0x7F80_0000,
        0xFF80_0000, 0x7FC0_0000, 0x7F80_0001, 0xFFC1_2345,
      ]
    case .float64, .complex128:
      [
        0, 1 << 63, 0x3FF0_0000_0000_0000, 1, 0x800F_FFFF_FFFF_FFFF, 0x7FEF_FFFF_FFFF_FFFF,
        0x7FF0_0000_0000_0000, 0xFFF0_0000_0000_0000, 0x7FF8_0000_0000_0000,
        0x7FF0_0000_0000_0001, 0xFFF8_1234_5678_9ABC, 0x0123_4567_89AB_CDEF,
      ]
    default:
      [0, 1, .max, 1 << (8 * UInt64(dtype.byteCount) - 1), .max >> 1, 0x0123_4567_89AB_CDEF]
    }
  }

  /// The values as bytes of a file, one after another.
  static func specialBytes(_ dtype: DType, bigEndian: Bool = false) -> [UInt8] {
    let size = dtype.kind == .complex ? dtype.byteCount / 2 : dtype.byteCount
    return specialBits(dtype).flatMap { bits in
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
      return bigEndian ? bytes.reversed() : bytes
    }
  }

  static func specials(_ dtype: DType) throws -> Tensor {
    let bytes = specialBytes(dtype)
    return try Tensor(
      dtype: dtype,
      shape: Shape(vector: bytes.count / dtype.byteCount),
      storage: Tensor(vector: bytes).storage
    )
  }

  @Test("Special values come back bit for bit from every layout", arguments: DType.allCases)
  func written(dtype: DType) throws {
    let tensor = try Self.specials(dtype)
    var writer = try HDF5Writer(creating: path)
    for (name, layout) in Self.layouts { try writer.write(tensor, at: name, layout: layout) }
    try writer.close()
    let file = try HDF5File(opening: path)
    #expect(try file.allDatasets().map(\.path) == Self.layouts.map { "/" + $0.0 })
    for (name, _) in Self.layouts {
      let read = try file.tensor(name)
      #expect(read.dtype == dtype)
      #expect(HDF5RoundTripTests.bytes(of: read) == Self.specialBytes(dtype), "\(name)")
      #expect(try file.dataset(name).typeDescription == dtype.rawValue)
    }
    guard case .chunked([3], let filters) = try file.dataset("all").storage else {
      Issue.record("not chunked")
      return
    }
    #expect(filters.map(\.description) == ["shuffle (2)", "gzip (1)", "fletcher32 (3)"])
  }

  @Test("Both byte orders of other programs are read bit for bit", arguments: DType.allCases)
  func foreign(dtype: DType) throws {
    let count = UInt64(Self.specialBytes(dtype).count / dtype.byteCount)
    do {
      let file = ForeignFile(path)
      for isBig in [false, true] {
        let type = ForeignFile.number(dtype, isBigEndian: isBig)
        let bytes = Self.specialBytes(dtype, bigEndian: isBig)
        file.add("contiguous \(isBig)", type, [count], bytes)
        let chunked = unsafe fw_h5_new_chunked_creation(1, [4], 0, 0, 0)
        file.add("chunked \(isBig)", type, [count], bytes, creation: chunked)
        let filtered = unsafe fw_h5_new_chunked_creation(1, [4], 1, 6, 1)
        file.add("filtered \(isBig)", type, [count], bytes, creation: filtered)
      }
    }
    let file = try HDF5File(opening: path)
    for dataset in try file.allDatasets() {
      #expect(dataset.dtype == dtype, "\(dataset.path)")
      let read = try file.tensor(dataset.path)
      #expect(HDF5RoundTripTests.bytes(of: read) == Self.specialBytes(dtype), "\(dataset.path)")
    }
  }

  @Test("Truth values are read from enumerations of any integers, in either order")
  func truth() throws {
    do {
      let file = ForeignFile(path)
      for (name, base, bytes) in [
        ("i8", .int8, [1, 0, 1]), ("u8", .uint8, [1, 0, 1]), ("i16", .int16, [1, 0, 0, 0, 1, 0]),
        ("u32", .uint32, [1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
      ] as [(String, DType, [UInt8])] {
        for isSwapped in [false, true] {
          let type = H5Tenum_create(HDF5Library.type(of: base))
          let values: [(String, UInt64)] =
            isSwapped ? [("TRUE", 1), ("FALSE", 0)] : [("FALSE", 0), ("TRUE", 1)]
          for (name, value) in values {
            unsafe withUnsafeBytes(of: value) {
              unsafe _ = H5Tenum_insert(type, name, $0.baseAddress)
            }
          }
          file.add("\(name) \(isSwapped)", type, [3], bytes)
          if base == .int8 { file.add("odd \(isSwapped)", type, [3], [1, 0, 2]) }
        }
      }
      let other = H5Tenum_create(HDF5Library.type(of: .int8))
      unsafe H5Tenum_insert(other, "FALSE", [Int8(1)])
      unsafe H5Tenum_insert(other, "TRUE", [Int8(0)])
      file.add("inverted", other, [1], [1])
    }
    let file = try HDF5File(opening: path)
    for dataset in try file.allDatasets() where !dataset.path.starts(with: "/odd") {
      guard dataset.path != "/inverted" else {
        #expect(dataset.dtype == nil)
        continue
      }
      let read = try file.tensor(dataset.path)
      #expect(read.dtype == .bool)
      #expect(HDF5RoundTripTests.bytes(of: read) == [1, 0, 1], "\(dataset.path)")
    }
    for name in ["odd false", "odd true"] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .malformed)
      #expect(error?.message.contains("the byte 2 as element 2 of a bool tensor") == true)
      #expect(error?.location.tensor == "/" + name)
    }
    let odd = try Tensor(
      dtype: .bool,
      shape: Shape(vector: 1),
      storage: Tensor(vector: [7] as [UInt8]).storage
    )
    var writer = try HDF5Writer(creating: directory.path.appending("odd.h5"))
    let error = #expect(throws: FlywheelError.self) { try writer.write(odd, at: "odd") }
    #expect(error?.code == .malformed)
  }

  @Test(
    "Attributes whose truth values are neither are told by name",
    arguments: HDF5Implementation.allCases
  )
  func oddTruth(reader: HDF5Implementation) throws {
    do {
      // The file first: whoever makes one has the library to himself.
      let file = ForeignFile(path)
      let type = H5Tenum_create(HDF5Library.type(of: .int8))
      unsafe H5Tenum_insert(type, "FALSE", [Int8(0)])
      unsafe H5Tenum_insert(type, "TRUE", [Int8(1)])
      file.addAttribute("flag", type, [1])
      file.addAttribute("odd", type, [2])
    }
    let file = try HDF5File(opening: path, with: reader)
    let metadata = try file.contents().metadata
    #expect(try file.attribute("flag") != nil)
    #expect(metadata.obstacles.map(\.name) == ["the attribute 'odd' of /"])
    #expect(metadata.obstacles.map(\.reason) == ["holds bytes that are neither true nor false"])
    let error = #expect(throws: FlywheelError.self) { try file.attribute("odd") }
    #expect(error?.code == .unsupported)
  }

  @Test("Types within types are refused, however deep", arguments: [6, 8, 9])
  func nestedTypes(kind: UInt8) throws {
    let name: [UInt8] = kind == 6 ? Array("r\0".utf8) + [0] : []
    let level: [UInt8] = [0x30 | kind, 2, 0, 0, kind == 6 ? 8 : 1, 0, 0, 0] + name
    let message = [UInt8](repeatElement(level, count: 5900).joined())
    let storage = try Tensor(vector: message).storage
    let image = FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: 8)
    let content = try image.bytes(at: 0, UInt64(message.count), "a type")
    let error = #expect(throws: FlywheelError.self) { try Datatype(content, in: image) }
    #expect(error?.code == .limitExceeded)
  }

  @Test("Complex numbers go by the names of their parts", arguments: [false, true])
  func complex(isBigEndian: Bool) throws {
    let bytes = Self.specialBytes(.complex64, bigEndian: isBigEndian)
    do {
      let file = ForeignFile(path)
      let part = HDF5Library.type(of: .float32, isBigEndian: isBigEndian)
      for (real, imaginary) in [("r", "i"), ("real", "imag"), ("x", "y"), ("i", "r")] {
        let type = H5Tcreate(H5T_COMPOUND, 8)
        unsafe H5Tinsert(type, real, 0, part)
        unsafe H5Tinsert(type, imaginary, 4, part)
        file.add(real, type, [6], bytes)
      }
    }
    let file = try HDF5File(opening: path)
    for name in ["r", "real"] {
      let read = try file.tensor(name)
      #expect(read.dtype == .complex64)
      #expect(HDF5RoundTripTests.bytes(of: read) == Self.specialBytes(.complex64))
    }
    for name in ["x", "i"] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains("a compound type of 8 bytes") == true)
    }
  }

  @Test(
    "Opaque bytes are numbers if their attribute names a dtype of their size",
    arguments: HDF5Implementation.allCases
  )
  func opaque(reader: HDF5Implementation) throws {
    let cases: [(String, Int, String?, DType?)] = [
      ("a", 2, "bfloat16", .bfloat16), ("b", 1, "float8_e4m3fn", .float8E4M3FN),
      ("c", 1, "float8_e5m2", .float8E5M2), ("d", 1, "bfloat16", nil), ("e", 2, "float16", nil),
      ("f", 2, nil, nil), ("g", 4, "bfloat16", nil), ("h", 1, "int8", nil),
    ]
    do {
      let file = ForeignFile(path)
      for (name, size, dtype, _) in cases {
        let type = H5Tcreate(H5T_OPAQUE, size)
        file.add(name, type, [3], [UInt8](repeating: 0x3C, count: 3 * size))
        guard let dtype else { continue }
        let dataset = unsafe H5Dopen2(file.id, name, 0)
        #expect(unsafe fw_h5_add_variable_text(dataset, "dtype", dtype) >= 0)
        H5Dclose(dataset)
      }
    }
    let file = try HDF5File(opening: path, with: reader)
    for (name, size, _, dtype) in cases {
      #expect(try file.dataset(name).dtype == dtype, "\(name)")
      guard dtype == nil else {
        let bytes = HDF5RoundTripTests.bytes(of: try file.tensor(name))
        #expect(bytes == [UInt8](repeating: 0x3C, count: 3 * size))
        continue
      }
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.message.contains("opaque bytes, of \(size) bytes") == true)
    }
  }

  @Test("Floats of odd layouts are refused with their layout")
  func oddFloats() throws {
    do {
      let file = ForeignFile(path)
      file.add("bias", ForeignFile.oddHalf, [2], [UInt8](repeating: 0, count: 4))
      let extended = H5Tcopy(HDF5Library.type(of: .float64))
      H5Tset_size(extended, 10)
      H5Tset_precision(extended, 80)
      H5Tset_fields(extended, 79, 64, 15, 0, 64)
      H5Tset_ebias(extended, 16_383)
      file.add("extended", extended, [1], [UInt8](repeating: 0, count: 10))
      let padded = H5Tcopy(HDF5Library.type(of: .float32))
      H5Tset_size(padded, 8)
      file.add("padded", padded, [1], [UInt8](repeating: 0, count: 8))
    }
    let file = try HDF5File(opening: path)
    for (name, words) in [
      ("bias", "of 2 bytes: 16 bits, of them 5 of exponent and 10 of mantissa, bias 16"),
      ("extended", "of 10 bytes: 80 bits, of them 15 of exponent and 64 of mantissa, bias 16383"),
      ("padded", "of 8 bytes: 32 bits, of them 8 of exponent and 23 of mantissa, bias 127"),
    ] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .unsupported)
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }
  }
}
