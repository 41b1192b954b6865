import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Texts in HDF5 files")
struct HDF5TextTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("texts.h5")
  }

  static let texts = ["dense", "", "Größe, 大きさ", "x"]

  @Test("Texts come back as they were written, in datasets and attributes")
  func written() throws {
    var writer = try HDF5Writer(creating: path)
    try writer.write(Self.texts, at: "names")
    try writer.write(Self.texts, at: "deep/square", shape: try Shape([2, 2]))
    try writer.write(["one"], at: "scalar", shape: .scalar)
    try writer.write([], at: "none")
    try writer.setAttribute("layer_names", .strings(Self.texts))
    try writer.setAttribute("nothing", .strings([]), of: "names")
    try writer.close()
    let file = try HDF5File(opening: path)
    #expect(try file.strings(at: "names") == Self.texts)
    #expect(try file.strings(at: "deep/square") == Self.texts)
    #expect(try file.dataset("deep/square").shape.extents == [2, 2])
    #expect(try file.strings(at: "scalar") == ["one"])
    #expect(try file.strings(at: "none") == [])
    #expect(try file.attribute("layer_names") == .strings(Self.texts))
    #expect(try file.attribute("nothing", of: "names") == .strings([]))
    #expect(try file.dataset("names").typeDescription == "text of 18 bytes")
    let error = #expect(throws: FlywheelError.self) { try file.tensor("names") }
    #expect(error?.message.contains("text of 18 bytes") == true)
  }

  @Test("Texts that cannot be written are refused")
  func refused() throws {
    var writer = try HDF5Writer(creating: path)
    let cases: [([String], [Int], FlywheelError.Code)] = [
      (["a\0b"], [1], .invalidArgument), (["a"], [2], .mismatch),
    ]
    for (texts, extents, code) in cases {
      let shape = try Shape(extents)
      let error = #expect(throws: FlywheelError.self) {
        try writer.write(texts, at: "a", shape: shape)
      }
      #expect(error?.code == code)
    }
    let long = AttributeValue.strings([String](repeating: "12345678", count: 7_501))
    #expect(throws: FlywheelError.self) { try writer.setAttribute("long", long) }
      .map { #expect($0.code == .invalidArgument) }
    try writer.write(try Tensor(vector: [1] as [Float]), at: "numbers")
    try writer.close()
    let error = #expect(throws: FlywheelError.self) {
      try HDF5File(opening: path).strings(at: "numbers")
    }
    #expect(error?.code == .mismatch)
    #expect(error?.message.contains("float32") == true)
  }

  @Test(
    "Attributes hold tensors of every dtype that HDF5 has a name for",
    arguments: DType.allCases
  )
  func tensors(dtype: DType) throws {
    let tensor = try HDF5DTypeTests.specials(dtype)
    var writer = try HDF5Writer(creating: path)
    guard !dtype.isNamedByAttribute else {
      let error = #expect(throws: FlywheelError.self) {
        try writer.setAttribute("values", .tensor(tensor))
      }
      #expect(error?.code == .invalidArgument)
      return
    }
    try writer.setAttribute("values", .tensor(tensor))
    try writer.close()
    #expect(try HDF5File(opening: path).attribute("values") == .tensor(tensor))
  }

  /// Adds a dataset of texts of variable length, chunked if told.
  private static func addVariable(_ file: borrowing ForeignFile, _ name: String, isChunked: Bool) {
    let type = fw_h5_new_string_type(-1)
    let extents = [hsize_t(texts.count)]
    let space = unsafe H5Screate_simple(1, extents, nil)
    let creation = isChunked ? unsafe fw_h5_new_chunked_creation(1, [3], 1, 6, 0) : 0
    let dataset = unsafe H5Dcreate2(file.id, name, type, space, 0, creation, 0)
    let pointers = unsafe texts.map { unsafe strdup($0) }
    precondition(unsafe H5Dwrite(dataset, type, 0, 0, 0, pointers) >= 0)
    for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    H5Dclose(dataset)
    H5Sclose(space)
    H5Tclose(type)
  }

  @Test(
    "Texts of other programs are read, of both kinds and every padding",
    arguments: HDF5Implementation.allCases
  )
  func foreign(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path, userBlock: 512)
      Self.addVariable(file, "variable", isChunked: false)
      Self.addVariable(file, "chunked", isChunked: true)
      file.add("unwritten", fw_h5_new_string_type(-1), [3])
      for (name, padding, bytes) in [
        ("space", H5T_STR_SPACEPAD, "ab  c   "), ("zero", H5T_STR_NULLPAD, "ab\0\0c\0\0\0"),
        ("end", H5T_STR_NULLTERM, "ab\0xc\0xx"),
      ] {
        for set in [H5T_CSET_ASCII, H5T_CSET_UTF8] {
          let type = fw_h5_new_string_type(4)
          H5Tset_strpad(type, padding)
          H5Tset_cset(type, set)
          file.add("\(name) \(set.rawValue)", type, [2], Array(bytes.utf8))
        }
      }
      file.add("latin", fw_h5_new_string_type(2), [2], [0x61, 0, 0xE4, 0])
    }
    let file = try HDF5File(opening: path, with: reader)
    for name in ["variable", "chunked"] { #expect(try file.strings(at: name) == Self.texts) }
    #expect(try file.strings(at: "unwritten") == ["", "", ""])
    for name in ["space 0", "space 1", "zero 0", "zero 1", "end 0", "end 1"] {
      #expect(try file.strings(at: name) == ["ab", "c"], "\(name)")
    }
    let error = #expect(throws: FlywheelError.self) { try file.strings(at: "latin") }
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("Text 1") == true)
  }

  @Test(
    "Wrong numbers in arrays of texts and their heap end in errors or other texts",
    arguments: HDF5Implementation.allCases
  )
  func damage(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      Self.addVariable(file, "names", isChunked: false)
    }
    var bytes = try directory.read("texts.h5")
    let magic = Array("GCOL".utf8)
    let heap = try #require(bytes.indices.first { bytes[$0...].starts(with: magic) })
    guard
      case .contiguous(let offset?) = try HDF5File(opening: path, with: reader).dataset("names")
        .storage
    else {
      Issue.record("not contiguous")
      return
    }
    let damaged = directory.path.appending("damaged.h5")
    var errors = 0
    for start in [heap, Int(offset)] {
      for bit in 0..<64 * 8 {
        bytes[start + bit / 8] ^= 1 << (bit % 8)
        defer { bytes[start + bit / 8] ^= 1 << (bit % 8) }
        try HDF5DamageTests.write(bytes[...], to: damaged)
        do throws(FlywheelError) {
          let read = try HDF5File(opening: damaged, with: reader).strings(at: "names")
          if read.count != Self.texts.count { errors = .min }
        } catch {
          errors += 1
        }
      }
    }
    #expect(errors > 300)
  }

  @Test("Texts are found in heaps whatever the size of lengths is", arguments: [2, 4, 8])
  func lengths(size: Int) throws {
    func length(_ number: UInt64) -> [UInt8] {
      Self.bytes(number).prefix(size) + [UInt8](repeating: 0, count: 8 - size)
    }
    var bytes = Array("GCOL".utf8) + [1, 0, 0, 0] + length(64)
    for (index, text) in zip([UInt8(1), 2], ["first", "second"]) {
      bytes += [index, 0, 1, 0, 0, 0, 0, 0] + length(UInt64(text.utf8.count)) + Array(text.utf8)
      bytes += [UInt8](repeating: 0, count: 8 - text.utf8.count)
    }
    let storage = try Tensor(vector: bytes).storage
    let image = FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: size)
    var heap = GlobalHeapCollections(in: image)
    let reference: [UInt8] = [6, 0, 0, 0] + Self.bytes(0) + [2, 0, 0, 0]
    var reader = FieldReader(reference.rawBytes, fileOffset: 0, in: image)
    let text = try #require(try heap.text(&reader))
    #expect(Array(bytes[text.range]) == Array("second".utf8))
  }

  @Test("Heaps that overlap are refused before they are gone through again and again")
  func bombs() throws {
    // Collections of the heap, each of which claims all that follows, and references to them.
    let count = 4_096
    var bytes: [UInt8] = []
    for index in 0..<count {
      let rest = UInt64(64 * (count - index))
      bytes += Array("GCOL".utf8) + [1, 0, 0, 0] + Self.bytes(rest) + [1, 0, 1, 0, 0, 0, 0, 0]
      bytes += Self.bytes(UInt64(16)) + [UInt8](repeating: 0x61, count: 16)
      bytes += [UInt8](repeating: 0, count: 16)
    }
    let storage = try Tensor(vector: bytes).storage
    let image = FileImage(storage: storage, baseAddress: 0, offsetSize: 8, lengthSize: 8)
    var heap = GlobalHeapCollections(in: image)
    var found = 0
    let error = #expect(throws: FlywheelError.self) {
      for index in 0..<count {
        let place = Self.bytes(UInt64(64 * index))
        let reference = [16, 0, 0, 0] + place + [1, 0, 0, 0]
        var reader = FieldReader(reference.rawBytes, fileOffset: 0, in: image)
        _ = try heap.text(&reader)
        found += 1
      }
    }
    #expect(error?.message.contains("heaps that overlap") == true)
    #expect(found == 1)
  }

  private static func bytes(_ number: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
  }

  @Test(
    "256 combining marks may follow each other in a text, and not one more",
    arguments: [256, 257]
  )
  func combiningMarks(count: Int) throws {
    let marks = String(repeating: "\u{301}", count: count)
    func padded(_ text: String) -> [UInt8] {
      Array(text.utf8) + [UInt8](repeating: 0, count: 600 - text.utf8.count)
    }
    do {
      let file = ForeignFile(path)
      let type = fw_h5_new_string_type(600)
      file.add("dataset", type, [2], padded("short") + padded("d" + marks))
      file.addAttribute("fixed", type, padded("f" + marks))
      file.addVariableString("variable", "v" + marks)
      H5Tclose(type)
    }
    let bytes = try directory.read("texts.h5")
    let file = try HDF5File(opening: path)
    guard count > 256 else {
      #expect(try file.strings(at: "dataset") == ["short", "d" + marks])
      #expect(try file.attribute("fixed") == .string("f" + marks))
      #expect(try file.attribute("variable") == .string("v" + marks))
      #expect(try file.contents().metadata.attributes[""]?.count == 2)
      return
    }
    func place(_ wanted: [UInt8]) throws -> UInt64 {
      UInt64(try #require(bytes.firstRange(of: wanted)).lowerBound)
    }
    func check(_ place: UInt64, _ read: () throws -> Void) {
      let error = #expect(throws: FlywheelError.self, performing: read)
      #expect(error?.code == .limitExceeded, "\(error?.description ?? "")")
      #expect(error?.message.contains("combining marks") == true)
      #expect(error?.location.byteOffset == place)
    }
    check(try place(padded("short"))) { _ = try file.strings(at: "dataset") }
    let fixed = try place(padded("f" + marks))
    check(fixed) { _ = try file.attribute("fixed") }
    check(fixed) { _ = try file.contents().metadata }
    // A text of variable length is named where the reference to it is.
    let collection = StructureBuilder.le(try place(Array("GCOL".utf8)))
    let length = StructureBuilder.le(UInt32(1 + 2 * count))
    check(try place(length + collection)) { _ = try file.attribute("variable") }
  }
}
