import FlywheelCore
import FlywheelTestSupport
import Testing

@testable import FlywheelHDF5

/// Superblocks and object headers that no program writes.
@Suite("Damaged superblocks and object headers of HDF5 files")
struct HDF5HeaderDamageTests {
  private typealias Build = StructureBuilder

  // MARK: Superblocks

  private static let plain = Build.superblock(end: 48)

  static let superblockFaults: [ExpectedFault] = {
    var flipped = plain
    flipped[13] ^= 1
    var old = Build.oldSuperblock(root: 96, end: 200)
    old += [UInt8](repeating: 0, count: 200 - old.count)
    var oddSpace = old
    oddSpace[9] = 1
    return [
      .init("nothing", .truncated, at: nil, []),
      .init("half a signature", .truncated, at: 0, Array(plain.prefix(4))),
      .init("a signature alone", .truncated, at: 0, Array(plain.prefix(47))),
      .init("another file", .malformed, at: nil, Array("PK another file".utf8)),
      .init("version 4", .unsupported, at: 8, Build.superblock(version: 4, end: 48)),
      .init("offsets of 3 bytes", .malformed, at: 9, Build.superblock(offsetSize: 3, end: 48)),
      .init("offsets of 16 bytes", .unsupported, at: 9, Build.superblock(offsetSize: 16, end: 48)),
      .init("lengths of 0 bytes", .malformed, at: 10, Build.superblock(lengthSize: 0, end: 48)),
      .init("a wrong checksum", .corrupted, at: 0, flipped),
      .init("an end beyond the file", .truncated, at: 48, Build.superblock(end: 49)),
      .init("an end before the base", .malformed, at: 0, Build.superblock(base: 50, end: 48)),
      .init("no root", .malformed, at: 36, Build.superblock(root: Build.nowhere, end: 48)),
      .init("version 0 cut off", .truncated, at: 0, Array(old.prefix(47))),
      .init("version 0 cut off later", .truncated, at: 64, Array(old.prefix(70))),
      .init("version 0, odd free space", .malformed, at: 9, oddSpace),
      .init("version 0 without a root", .malformed, at: 64, old.replacing(64, le: UInt64.max)),
      .init("version 0, end beyond", .truncated, at: 200, old.replacing(40, le: UInt64(201))),
      .init("version 0, greatest end", .truncated, at: 200, old.replacing(40, le: UInt64.max)),
    ]
  }()

  @Test("Superblocks that cannot be are refused where they are wrong", arguments: superblockFaults)
  func superblocks(fault: ExpectedFault) throws {
    let storage = try Build.storage(fault.bytes)
    let error = #expect(throws: FlywheelError.self) { try Superblock(of: storage) }
    #expect(error?.code == fault.code)
    #expect(error?.location.byteOffset == fault.offset.map(UInt64.init))
  }

  @Test("Old superblocks are read with addresses of every size", arguments: [2, 4, 8], [0, 1])
  func oldSuperblocks(size: Int, version: UInt8) throws {
    for userBlock in [0, 512, 2048] {
      let base = UInt64(userBlock)
      let end = base + 400
      let made = Build.oldSuperblock(
        version: version,
        size: size,
        lengthSize: size == 8 ? 4 : 8,
        base: base,
        root: 96,
        end: end
      )
      let front = [UInt8](repeating: 7, count: userBlock)
      let file = front + made + [UInt8](repeating: 0, count: 400 - made.count)
      let superblock = try Superblock(of: try Build.storage(file))
      #expect(superblock.version == version)
      #expect(superblock.rootAddress == 96)
      #expect(superblock.endOfFile == end)
      #expect(superblock.image.baseAddress == userBlock)
      #expect(superblock.image.offsetSize == size)
      #expect(superblock.image.lengthSize == (size == 8 ? 4 : 8))
      // Something was put in front of the file, which does not know it.
      let moved = [UInt8](repeating: 7, count: 4096 - userBlock) + file
      guard userBlock == 0 else { continue }
      let found = try Superblock(of: try Build.storage(moved))
      #expect(found.image.baseAddress == 4096 && found.endOfFile == 4096 + 400)
    }
  }

  // MARK: Object headers

  private static let space = Build.message(.dataspace, [2, 0, 0, 0])

  /// A file with one header, which begins at byte 48; the prefix of its messages has 10 bytes.
  private static func file(_ header: [UInt8], _ more: [UInt8]...) -> [UInt8] {
    var builder = Build()
    builder.add(header)
    for block in more { builder.add(block) }
    return builder.build()
  }

  private static func next(_ address: UInt64, _ byteCount: UInt64) -> [UInt8] {
    Build.message(.continuation, Build.next(address, byteCount))
  }

  private static func oldNext(_ address: UInt64, _ byteCount: UInt64) -> [UInt8] {
    Build.oldMessage(.continuation, Build.next(address, byteCount))
  }

  /// A header that goes on in so many blocks, of which the last says that it goes on in the third.
  private static func chain(of count: Int) -> [UInt8] {
    let places = (0..<count).map { UInt64(82 + 28 * $0) }
    return file(
      Build.header(next(places[0], 28)),
      (places.dropFirst() + [places[2]]).flatMap { Build.continuation(next($0, 28)) }
    )
  }

  static let headerFaults: [ExpectedFault] = {
    let sound = Build.header(space)
    // A header with one continuation is 34 bytes long: what follows it begins at byte 82.
    let following = UInt64(82)
    let itself = Build.continuation(next(following, 28))
    let other = Build.continuation(next(following, 28))
    var broken = Build.continuation(space)
    broken[6] ^= 0x10
    let unknown = MessageKind(rawValue: 0x20)
    let longest = Build.header(space, flags: 0x03, size: .max)
    return [
      .init("a wrong checksum", .corrupted, at: 48, file(sound.replacing(60, from: 48, by: 9))),
      .init("a size beyond the file", .truncated, at: 48, file(Build.header(space, size: 9000))),
      .init("the greatest size", .limitExceeded, at: 48, file(longest)),
      .init(
        "a size that nearly overflows",
        .truncated,
        at: 48,
        file(Build.header(space, flags: 0x03, size: .max - 100))
      ),
      .init("version 3", .malformed, at: 52, file(Build.header(space, version: 3))),
      .init("another structure", .malformed, at: 48, file(Build.continuation(space))),
      .init(
        "a message beyond the header",
        .truncated,
        at: 62,
        file(Build.header(Build.message(.dataspace, [2, 0, 0, 0], size: 5)))
      ),
      .init(
        "an unknown message that must be known",
        .unsupported,
        at: 66,
        file(Build.header(space + Build.message(unknown, [1, 2], flags: 0x80)))
      ),
      .init(
        "a layout that is shared",
        .malformed,
        at: 58,
        file(Build.header(Build.message(.layout, [1, 2], flags: 0x02)))
      ),
      .init(
        "a type that must not be shared and is",
        .malformed,
        at: 58,
        file(Build.header(Build.message(.datatype, [1, 2], flags: 0x06)))
      ),
      .init(
        "a continuation into the header",
        .malformed,
        at: 58,
        file(Build.header(next(48, 34)))
      ),
      .init(
        "a continuation into itself",
        .malformed,
        at: 86,
        file(Build.header(next(following, 28)), itself)
      ),
      .init(
        "two continuations into each other",
        .malformed,
        at: 114,
        file(Build.header(next(following, 28)), Build.continuation(next(110, 28)), other)
      ),
      .init("the last of 30 blocks into the third", .malformed, at: 898, chain(of: 30)),
      .init("the last of 31 blocks into the third", .malformed, at: 926, chain(of: 31)),
      .init("the last of 32 blocks into the third", .malformed, at: 954, chain(of: 32)),
      .init("the last of 100 blocks into the third", .malformed, at: 2858, chain(of: 100)),
      .init(
        "a continuation beyond the file",
        .truncated,
        at: 82,
        file(Build.header(next(following, 1)))
      ),
      .init(
        "a continuation nowhere",
        .truncated,
        at: nil,
        file(Build.header(next(Build.nowhere, 28)))
      ),
      .init(
        "a continuation without bytes",
        .truncated,
        at: 82,
        file(Build.header(next(following, 0)), [0])
      ),
      .init(
        "a continuation without room for a checksum",
        .truncated,
        at: 86,
        file(Build.header(next(following, 7)), Build.continuation([]))
      ),
      .init(
        "a continuation of other bytes",
        .malformed,
        at: 82,
        file(Build.header(next(following, 18)), Build.header(space))
      ),
      .init(
        "a continuation with a wrong checksum",
        .corrupted,
        at: 82,
        file(Build.header(next(following, 16)), broken)
      ),
      .init("version 0", .malformed, at: 48, file([0] + sound.dropFirst())),
      .init(
        "version 1, a size beyond the file",
        .truncated,
        at: 48,
        file(Build.oldHeader([], size: 1))
      ),
      .init("version 1, cut off", .truncated, at: 60, file([1, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])),
      .init(
        "version 1, an odd size",
        .malformed,
        at: 66,
        file(Build.oldHeader(Build.oldMessage(.null, [1, 2, 3, 4])))
      ),
      .init(
        "version 1, a message beyond the header",
        .truncated,
        at: 72,
        file(Build.oldHeader(Build.oldMessage(.null, [], size: 8)))
      ),
      .init(
        "version 1, bytes that are no message",
        .malformed,
        at: 72,
        file(Build.oldHeader(Build.oldMessage(.null, []) + [1, 2, 3]))
      ),
      .init(
        "version 1, a continuation into the header",
        .malformed,
        at: 64,
        file(Build.oldHeader(oldNext(48, 40)))
      ),
      .init(
        "version 1, a continuation into itself",
        .malformed,
        at: 88,
        file(Build.oldHeader(oldNext(88, 24)), oldNext(88, 24))
      ),
      .init(
        "version 1, continuations that overlap",
        .malformed,
        at: 112,
        file(
          Build.oldHeader((0..<10).flatMap { oldNext(304 + 8 * $0, 400) }),
          [UInt8](repeating: 0, count: 800)
        )
      ),
    ]
  }()

  @Test("Object headers that cannot be are refused where they are wrong", arguments: headerFaults)
  func headers(fault: ExpectedFault) throws {
    let structure = try FileStructure(of: try Build.storage(fault.bytes))
    let error = #expect(throws: FlywheelError.self) {
      try ObjectHeader(at: structure.superblock.rootAddress, in: structure.image)
    }
    #expect(error?.code == fault.code, "\(error?.description ?? "")")
    guard let offset = fault.offset else { return }
    #expect(error?.location.byteOffset == UInt64(offset))
  }

  @Test("Messages of several blocks are one header's, in the order of the blocks")
  func continuations() throws {
    let unknown = MessageKind(rawValue: 0x20)
    let last = Build.continuation(Build.message(.layout, [9], order: 3) + [0, 0, 0, 0, 0])
    let middle = Build.continuation(
      Build.message(.null, [1, 2, 3], order: 9)
        + Build.message(.continuation, Build.next(48, UInt64(last.count)), order: 9)
        + Build.message(.datatype, [7], order: 2)
    )
    let middleAddress = 48 + UInt64(last.count)
    let first = Build.header(
      Build.message(.dataspace, [2, 0, 0, 0], order: 1)
        + Build.message(.continuation, Build.next(middleAddress, UInt64(middle.count)), order: 9)
        + Build.message(unknown, [5], flags: 0x02, order: 4),
      flags: 0x34
    )
    var builder = Build()
    builder.add(last)
    builder.add(middle)
    // The times and the limits of attributes, which the checksum covers too.
    var bytes = Array(first.prefix(6)) + [UInt8](repeating: 3, count: 20) + first.dropFirst(6)
    bytes = Build.checksummed(bytes.dropLast(4))
    let root = builder.add(bytes)
    let file = try FileStructure(of: try Build.storage(builder.build(root: root)))
    let header = try ObjectHeader(at: root, in: file.image)
    #expect(header.tracksAttributeOrder)
    #expect(header.messages.map(\.kind) == [.dataspace, unknown, .datatype, .layout])
    #expect(header.messages.map(\.order) == [1, 4, 2, 3])
    #expect(header.first(.layout)?.range.lowerBound == 58)
    #expect(header.first(.continuation) == nil && header.first(.null) == nil)
  }

  @Test("Structures in an image of the cache are refused, not taken from where they were")
  func cacheImage() throws {
    for (address, code) in [(Build.nowhere, nil), (96, .unsupported)]
      as [(UInt64, FlywheelError.Code?)]
    {
      let image = Build.message(.cacheImage, [0] + Build.next(address, 0))
      let storage = try Build.storage(Self.extended(image))
      guard let code else {
        #expect(try FileStructure(of: storage).superblock.extensionAddress == 48)
        continue
      }
      let error = #expect(throws: FlywheelError.self) { try FileStructure(of: storage) }
      #expect(error?.code == code)
      #expect(error?.location.byteOffset == 63)
    }
  }

  @Test("A file that was not closed is read as far as it is whole")
  func openFile() throws {
    let superblock = Build.superblock(version: 3, flags: 5, end: 48)
    #expect(try Superblock(of: try Build.storage(superblock)).version == 3)
  }

  @Test("One of several files is refused, by what wrote it", arguments: ["NCSAfami", "NCSAmult"])
  func severalFiles(driver: String) throws {
    let block: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0] + Array(driver.utf8)
    let old = Build.oldSuperblock(root: 96, end: 112)
    let driverAddress = Array(old.prefix(48)) + Build.le(UInt64(old.count)) + old.dropFirst(56)
    for (file, place) in [
      (driverAddress + block, 104),
      (Self.extended(Build.message(.driverInfo, [0] + Array(driver.utf8) + [0, 0])), 63),
    ] {
      let storage = try Build.storage(file)
      let error = #expect(throws: FlywheelError.self) { try FileStructure(of: storage) }
      #expect(error?.code == .unsupported, "\(error?.description ?? "")")
      #expect(error?.location.byteOffset == UInt64(place))
    }
  }

  /// A file with a superblock extension at byte 48.
  private static func extended(_ message: [UInt8]) -> [UInt8] {
    let header = Build.header(message)
    var superblock = Build.superblock(end: UInt64(48 + header.count)).dropLast(4)
    superblock.replaceSubrange(20..<28, with: Build.le(UInt64(48)))
    return Build.checksummed(Array(superblock)) + header
  }

  // MARK: Flips

  @Test("Every flipped bit of checksummed structures is noticed")
  func checksummedFlips() throws {
    let type = Build.message(.datatype, [0x10, 8, 0, 0, 4, 0, 0, 0, 0, 0, 32, 0])
    let fill = Build.message(.fillValue, [3, 0x0A])
    let layout = Build.message(.layout, [3, 1] + Build.le(UInt64.max) + Build.le(UInt64(4)))
    let next = Build.message(
      .continuation,
      Build.next(48, UInt64(Build.continuation(layout).count))
    )
    var builder = Build()
    builder.add(Build.continuation(layout))
    let root = builder.add(Build.header(Self.space + type + fill + next))
    let sound = builder.build(root: root)
    _ = try Self.readAll(try Build.storage(sound), root: root)
    for place in sound.indices {
      for bit in 0..<8 {
        var flipped = sound
        flipped[place] ^= 1 << UInt8(bit)
        let storage = try Build.storage(flipped)
        #expect(throws: FlywheelError.self, "bit \(bit) of byte \(place)") {
          try Self.readAll(storage, root: root)
        }
      }
    }
  }

  @Test("Damage in headers without checksums ends in errors or other values", arguments: [0xFF, 1])
  func oldFlips(mask: UInt8) throws {
    let sound = try HDF5StructureTests.bytes("earliest")
    let addresses = try HDF5StructureTests.addresses("earliest")
    #expect(addresses.count > 60)
    var (errors, readings) = (0, 0)
    for address in addresses {
      let size = Int(sound[address + 8]) + Int(sound[address + 9]) << 8
      for place in address..<address + 16 + size {
        var damaged = sound
        damaged[place] ^= mask
        let storage = try Build.storage(damaged)
        let isRead = (try? Self.readAll(storage, root: UInt64(address), anyRoot: true)) != nil
        readings += 1
        if !isRead { errors += 1 }
      }
    }
    #expect(errors > 1000 && errors < readings)
  }

  @Test("Damage behind a right checksum ends in errors or other values", arguments: [0xFF, 1])
  func sealedFlips(mask: UInt8) throws {
    let sound = try HDF5StructureTests.bytes("v200")
    var (errors, readings) = (0, 0)
    for address in try HDF5StructureTests.addresses("v200") {
      let messages = Self.messages(of: sound, at: address)
      for place in messages {
        var damaged = sound
        damaged[place] ^= mask
        let header = damaged[address..<messages.upperBound]
        let sealed = Build.checksummed(Array(header))
        damaged.replaceSubrange(address..<address + sealed.count, with: sealed)
        let storage = try Build.storage(damaged)
        readings += 1
        do throws(FlywheelError) {
          _ = try Self.readAll(storage, root: UInt64(address), anyRoot: true)
        } catch {
          // The checksum is right, unless the header goes on elsewhere now.
          if error.code == .corrupted { #expect(error.location.byteOffset != UInt64(address)) }
          errors += 1
        }
      }
    }
    #expect(errors > 500 && errors < readings)
  }

  /// Where the messages are of a header of version 2.
  private static func messages(of file: [UInt8], at address: Int) -> Range<Int> {
    let flags = file[address + 5]
    let sizeSize = 1 << Int(flags & 3)
    let start = address + 6 + (flags & 0x20 != 0 ? 16 : 0) + (flags & 0x10 != 0 ? 4 : 0)
    let size = (0..<sizeSize).reduce(0) { $0 | Int(file[start + $1]) << (8 * $1) }
    return start + sizeSize..<start + sizeSize + size
  }

  /// Reads all that a header says.
  private static func readAll(
    _ storage: TensorStorage,
    root: UInt64,
    anyRoot: Bool = false
  ) throws(FlywheelError) -> Int {
    let structure = try FileStructure(of: storage)
    guard anyRoot || structure.superblock.rootAddress == root else {
      throw FlywheelError.malformed(found: "another root", expected: "the root")
    }
    let header = try ObjectHeader(at: root, in: structure.image)
    for message in header.messages {
      let content = try structure.content(of: message)
      switch message.kind {
      case .dataspace: _ = try Dataspace(content, in: structure.image)
      case .datatype: _ = try Datatype(content, in: structure.image).elementType
      case .fillValue: _ = try FillValue(content, in: structure.image)
      case .fillValueOld: _ = try FillValue(old: content, in: structure.image)
      case .layout: _ = try DataLayout(content, in: structure.image)
      case .filterPipeline: _ = try FilterPipeline(content, in: structure.image)
      case .attribute: _ = try AttributeMessage(content, in: structure)
      case .link: _ = try LinkMessage(content, in: structure.image)
      case .linkInfo: _ = try LinkInfo(content, in: structure.image)
      case .attributeInfo: _ = try AttributeInfo(content, in: structure.image)
      case .symbolTable: _ = try SymbolTableMessage(content, in: structure.image)
      default: break
      }
    }
    return header.messages.count
  }
}

extension [UInt8] {
  /// The bytes with a number at a place.
  fileprivate func replacing(_ place: Int, le value: UInt64) -> [UInt8] {
    Array(prefix(place)) + StructureBuilder.le(value) + dropFirst(place + 8)
  }

  /// The bytes with another one at a place of a file in which they begin elsewhere.
  fileprivate func replacing(_ place: Int, from start: Int, by byte: UInt8) -> [UInt8] {
    var bytes = self
    bytes[place - start] = byte
    return bytes
  }
}
