import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct HDF5ForeignFileTests {
  let directory: TemporaryDirectory
  let path: FilePath

  init() throws {
    directory = try TemporaryDirectory()
    path = directory.path.appending("foreign.h5")
  }

  static func type(_ dtype: DType, bigEndian: Bool = false) -> hid_t {
    HDF5Library.type(of: dtype, isBigEndian: bigEndian)
  }

  @Test("Big-endian numbers are read as numbers", arguments: DType.allCases, [0, 512])
  func bigEndian(dtype: DType, userBlock: UInt64) throws {
    let tensor = try HDF5RoundTripTests.tensor(dtype, [3, 5])
    let bytes = HDF5RoundTripTests.bytes(of: tensor)
    do {
      let file = ForeignFile(path, userBlock: userBlock)
      let big = ForeignFile.number(dtype, isBigEndian: true)
      let little = ForeignFile.number(dtype)
      file.add("odd", Self.type(.uint8), [3], [1, 2, 3])
      file.add("big", big, [3, 5], bytes, memoryType: little)
      file.add("little", little, [3, 5], bytes)
      let chunked = unsafe fw_h5_new_chunked_creation(2, [2, 2], 0, 0, 0)
      file.add("chunked", big, [3, 5], bytes, creation: chunked, memoryType: little)
      H5Pset_shuffle(chunked)
      H5Pset_deflate(chunked, 6)
      H5Pset_fletcher32(chunked)
      file.add("filtered", big, [3, 5], bytes, creation: chunked, memoryType: little)
      H5Pclose(chunked)
      let compact = H5Pcopy(fw_h5_contiguous_creation())
      H5Pset_alloc_time(compact, H5D_ALLOC_TIME_DEFAULT)
      H5Pset_layout(compact, H5D_COMPACT)
      file.add("compact", little, [3, 5], bytes, creation: compact)
      H5Pclose(compact)
    }
    for reader in HDF5Implementation.allCases {
      let file = try HDF5File(opening: path, with: reader)
      for name in ["big", "little", "chunked", "filtered", "compact"] {
        let read = try file.tensor(name)
        #expect(HDF5RoundTripTests.bytes(of: read) == bytes, "\(name)")
        #expect(read.shape == tensor.shape)
        #expect(try file.dataset(name).dtype == dtype)
      }
      #expect(try file.dataset("big").isBigEndian == (dtype.byteCount > 1))
      #expect(try file.tensor("odd").elements() == [1, 2, 3] as [UInt8])
      #expect(try file.dataset("compact").storage == .compact(byteCount: bytes.count))
      guard case .chunked([2, 2], let filters) = try file.dataset("filtered").storage else {
        Issue.record("not chunked")
        continue
      }
      #expect(filters.map(\.description) == ["shuffle (2)", "gzip (1)", "fletcher32 (3)"])
    }
  }

  @Test("What is not read is refused by name, and listed", arguments: HDF5Implementation.allCases)
  func unsupported(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      let float = Self.type(.float32)
      let zeros = [UInt8](repeating: 0, count: 64)
      file.add("half", ForeignFile.oddHalf, [2], zeros)
      file.add("text", fw_h5_new_string_type(7), [2], zeros)
      let compound = H5Tcreate(H5T_COMPOUND, 8)
      unsafe H5Tinsert(compound, "real", 0, float)
      file.add("compound", compound, [2], zeros)
      let enumeration = H5Tenum_create(Self.type(.int8))
      unsafe H5Tenum_insert(enumeration, "FALSE", [Int8(0)])
      file.add("enumeration", enumeration, [2], zeros)
      file.add("sequence", H5Tvlen_create(float), [2])
      let odd = H5Tcopy(Self.type(.uint32))
      H5Tset_precision(odd, 12)
      file.add("twelve bits", odd, [2], zeros)
      file.add("null", float, nil)
      let external = H5Pcopy(fw_h5_contiguous_creation())
      H5Pset_alloc_time(external, H5D_ALLOC_TIME_DEFAULT)
      unsafe H5Pset_external(external, "/etc/passwd", 0, 16)
      file.add("external", float, [4], creation: external)
      let virtual = H5Pcopy(fw_h5_contiguous_creation())
      H5Pset_alloc_time(virtual, H5D_ALLOC_TIME_DEFAULT)
      let space = unsafe H5Screate_simple(1, [4], nil)
      unsafe H5Pset_virtual(virtual, space, "other.h5", "a", space)
      file.add("virtual", float, [4], creation: virtual)
      let scaled = unsafe fw_h5_new_chunked_creation(1, [4], 0, 0, 0)
      H5Pset_scaleoffset(scaled, H5Z_SO_INT, 0)
      file.add("scaled", Self.type(.int32), [4], zeros, creation: scaled)
    }
    let words: [(String, String)] = [
      ("half", "unusual floating-point number of 2 bytes: 16 bits, of them 5 of"),
      ("text", "text of 7 bytes"),
      ("compound", "compound type of 8 bytes"), ("enumeration", "other than h5py's bool"),
      ("sequence", "variable length"),
      ("twelve bits", "unusual integer"), ("null", "null dataspace"),
      ("external", "external storage"), ("virtual", "is virtual"), ("scaled", "scaleoffset (6)"),
    ]
    let file = try HDF5File(opening: path, with: reader)
    for (name, word) in words {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .unsupported, "\(name)")
      #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
      #expect(error?.location == .init(path: path, tensor: "/" + name))
    }
    #expect(try file.allDatasets().count == words.count)
  }

  @Test("External links are listed, and not followed", arguments: HDF5Implementation.allCases)
  func externalLinks(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(directory.path.appending("other.h5"))
      file.add("a", Self.type(.uint8), [1], [7])
    }
    // Made by h5py.File(…, "w", libver="latest")["external"] = h5py.ExternalLink("other.h5", "/a").
    let hexadecimal =
      "894844460d0a1a0a030808000000000000000000ffffffffffffffffb30000000000000030000000000000009555"
      + "568b4f484452020078021200000000ffffffffffffffffffffffffffffffff0a0200010000061b000001084008"
      + "65787465726e616c0d00006f746865722e6835002f610000390000000000000000000000000000000000000000"
      + "0000000000000000000000000000000000000000000000000000000000000000000000000000006cb3e432"
    let digits = Array(hexadecimal)
    let bytes = try stride(from: 0, to: digits.count, by: 2).map {
      try #require(UInt8(String(digits[$0...$0 + 1]), radix: 16))
    }
    let file = try HDF5File(opening: try directory.write(bytes, to: "external.h5"), with: reader)
    #expect(
      try file.members() == [
        .init(name: "external", kind: .externalLink(file: "other.h5", target: "/a"))
      ]
    )
    #expect(try file.allDatasets().isEmpty)
    for name in ["external", "external/b"] {
      let error = #expect(throws: FlywheelError.self) { try file.tensor(name) }
      #expect(error?.code == .unsupported, "\(name)")
    }
    let error = #expect(throws: FlywheelError.self) { try file.attribute("a", of: "external") }
    #expect(error?.code == .unsupported)
  }

  @Test(
    "Soft links and second names are followed, and circles end",
    arguments: HDF5Implementation.allCases
  )
  func links(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      file.add("a", Self.type(.uint8), [1], [7])
      unsafe H5Lcreate_soft("/a", file.id, "soft", 0, 0)
      unsafe H5Lcreate_soft("/nowhere", file.id, "dangling", 0, 0)
      unsafe H5Lcreate_soft("/circle", file.id, "circle", 0, 0)
      let group = unsafe H5Gcreate2(file.id, "group", 0, 0, 0)
      unsafe H5Lcreate_hard(file.id, "/", group, "up", 0, 0)
      unsafe H5Lcreate_hard(file.id, "/a", group, "b", 0, 0)
      let type = H5Tcopy(Self.type(.uint8))
      unsafe H5Tcommit2(file.id, "type", type, 0, 0, 0)
      H5Tclose(type)
      H5Gclose(group)
    }
    let file = try HDF5File(opening: path, with: reader)
    #expect(
      try file.members() == [
        .init(name: "a", kind: .dataset), .init(name: "circle", kind: .softLink(target: "/circle")),
        .init(name: "dangling", kind: .softLink(target: "/nowhere")),
        .init(name: "group", kind: .group),
        .init(name: "soft", kind: .softLink(target: "/a")), .init(name: "type", kind: .namedType),
      ]
    )
    #expect(try file.allDatasets().map(\.path) == ["/a"])
    #expect(try file.tensor("soft").elements() == [7] as [UInt8])
    #expect(try file.tensor("group/up/group/b").elements() == [7] as [UInt8])
    let codes: [(String, FlywheelError.Code)] = [
      ("dangling", .notFound), ("circle", .notFound), ("group", .mismatch), ("type", .mismatch),
      ("/", .mismatch),
      ("a/b", .mismatch), ("none", .notFound), ("none/a", .notFound), ("a/./b", .invalidArgument),
      ("a\0b", .invalidArgument),
    ]
    for (name, code) in codes {
      let error = #expect(throws: FlywheelError.self, "\(name)") { try file.tensor(name) }
      #expect(error?.code == code, "\(name): \(error.map(String.init(describing:)) ?? "")")
    }
    for (name, code) in [("a", .mismatch), ("b", .notFound)] as [(String, FlywheelError.Code)] {
      #expect(throws: FlywheelError.self) { try file.members(of: name) }
        .map { #expect($0.code == code) }
    }
  }

  @Test(
    "Soft links are followed one after another, sixteen of them, and not out of the file",
    arguments: HDF5Implementation.allCases
  )
  func chains(reader: HDF5Implementation) throws {
    do {
      let other = ForeignFile(directory.path.appending("other.h5"))
      other.add("a", Self.type(.uint8), [1], [9])
    }
    do {
      let file = ForeignFile(path)
      let group = unsafe H5Gcreate2(file.id, "group", 0, 0, 0)
      file.add("group/a", Self.type(.uint8), [1], [7])
      unsafe H5Lcreate_soft("/group", file.id, "door", 0, 0)
      unsafe H5Lcreate_soft("a", group, "near", 0, 0)
      unsafe H5Lcreate_external("other.h5", "/", file.id, "outside", 0, 0)
      unsafe H5Lcreate_soft("/outside/a", file.id, "window", 0, 0)
      unsafe H5Lcreate_soft("/group/a", file.id, "link 0", 0, 0)
      for index in 1...20 {
        unsafe H5Lcreate_soft("/link \(index - 1)", file.id, "link \(index)", 0, 0)
      }
      H5Gclose(group)
    }
    let file = try HDF5File(opening: path, with: reader)
    for name in ["door/a", "door/near", "link 0", "link 15"] {
      #expect(try file.tensor(name).elements() == [7] as [UInt8], "\(name)")
    }
    for name in ["link 16", "link 20", "window"] {
      let error = #expect(throws: FlywheelError.self, "\(name)") { try file.tensor(name) }
      #expect(error?.code == .notFound, "\(name)")
    }
    #expect(try file.allDatasets().map(\.path) == ["/group/a"])
    let links = try file.allLinks()
    #expect(links.count == 25)
    let outside = HDF5Member.Kind.externalLink(file: "other.h5", target: "/")
    #expect(links.contains(.init(path: "/outside", kind: outside)))
    #expect(links.contains(.init(path: "/group/near", kind: .softLink(target: "a"))))
  }

  @Test(
    "Attributes of other programs are read, or refused by name",
    arguments: HDF5Implementation.allCases
  )
  func attributes(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      file.addVariableString("variable", "Größe")
      file.addVariableString("nothing", "")
      file.addAttribute("narrow", Self.type(.int16, bigEndian: true), [0xFF, 0xFE])
      file.addAttribute("byte", Self.type(.uint8), [200])
      file.addAttribute("single", Self.type(.float32), [0, 0, 0x80, 0x3F])
      file.addAttribute("huge", Self.type(.uint64), [UInt8](repeating: 0xFF, count: 8))
      file.addAttribute("half", ForeignFile.oddHalf, [0, 0])
      file.addAttribute("latin", fw_h5_new_string_type(2), [0xE4, 0x00])
      for (name, padding) in [("space", H5T_STR_SPACEPAD), ("zero", H5T_STR_NULLTERM)] {
        let type = fw_h5_new_string_type(4)
        H5Tset_strpad(type, padding)
        H5Tset_cset(type, H5T_CSET_ASCII)
        file.addAttribute(name, type, Array((name == "space" ? "ab  " : "ab\0\0").utf8))
      }
    }
    let file = try HDF5File(opening: path, with: reader)
    let values: [(String, AttributeValue)] = [
      ("variable", .string("Größe")), ("nothing", .string("")), ("narrow", .integer(-2)),
      ("byte", .integer(200)), ("single", .double(1)), ("space", .string("ab")),
      ("zero", .string("ab")),
    ]
    for (name, value) in values { #expect(try file.attribute(name) == value, "\(name)") }
    let huge = try Tensor([UInt64.max], shape: .scalar)
    #expect(try file.attribute("huge") == .tensor(huge))
    for name in ["half", "latin"] {
      let error = #expect(throws: FlywheelError.self) { try file.attribute(name) }
      #expect(error?.code == .unsupported, "\(name)")
    }
  }

  @Test(
    "Wrong numbers in the heap of texts are an error or another text, and no endless loop",
    arguments: HDF5Implementation.allCases
  )
  func damagedHeap(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      file.addVariableString("rule", "nielsen")
    }
    var bytes = try directory.read("foreign.h5")
    let magic = Array("GCOL".utf8)
    let heap = try #require(bytes.indices.first { bytes[$0...].starts(with: magic) })
    let damaged = directory.path.appending("damaged.h5")
    var errors = 0
    for bit in 0..<48 * 8 {
      bytes[heap + bit / 8] ^= 1 << (bit % 8)
      defer { bytes[heap + bit / 8] ^= 1 << (bit % 8) }
      let file = try OpenFile(damaged, flags: O_WRONLY | O_CREAT | O_TRUNC, purpose: "test")
      try file.write(bytes.rawBytes)
      do throws(FlywheelError) {
        _ = try HDF5File(opening: damaged, with: reader).attribute("rule")
      } catch {
        errors += 1
      }
    }
    #expect(errors > 48)
  }

  @Test(
    "A dataset that declares more than its file can hold is refused before memory is asked for",
    arguments: HDF5Implementation.allCases
  )
  func declaredSizes(reader: HDF5Implementation) throws {
    do {
      let file = ForeignFile(path)
      let byte = Self.type(.uint8)
      file.add("sparse", byte, [1 << 50])
      file.add("overflow", Self.type(.float64), [1 << 31, 1 << 31, 1 << 31])
      file.add("small", byte, [100])
      let chunked = unsafe fw_h5_new_chunked_creation(1, [1 << 31], 0, 0, 0)
      file.add("chunk", byte, [1 << 40], creation: chunked)
      H5Pclose(chunked)
    }
    let file = try HDF5File(opening: path, with: reader)
    for name in ["sparse", "overflow", "chunk"] {
      let error = #expect(throws: FlywheelError.self, "\(name)") { try file.tensor(name) }
      #expect(error?.code == .limitExceeded, "\(name)")
    }
    #expect(try file.tensor("small").elements() == [UInt8](repeating: 0, count: 100))
    #expect(try file.dataset("small").storage == .contiguous(byteOffset: nil))
  }
}
