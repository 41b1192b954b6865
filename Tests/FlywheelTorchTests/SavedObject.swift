import FlywheelCore
import FlywheelTestSupport
import SystemPackage

@testable import FlywheelTorch

/// A Python object as a pickle of protocol 2 has it: sound ones, and those that PyTorch never saves.
indirect enum SavedObject: Sendable {
  case none
  case bool(Bool)
  case integer(Int)
  case double(Double)
  case text(String)
  case tuple([SavedObject])
  case list([SavedObject])
  case dictionary([(SavedObject, SavedObject)])
  case global(String, String)
  case call(SavedObject, [SavedObject])
  case persistent(SavedObject)
  /// An object that is given a state.
  case built(SavedObject, SavedObject)
  /// What the memo has at a place.
  case stored(SavedObject, UInt8)
  case recalled(UInt8)
  /// The value that an error is expected at.
  case marked(SavedObject)

  /// The pickle, and where in it the marked value is made.
  func pickled() -> (bytes: [UInt8], mark: Int?) {
    var writer = Writer()
    writer.write(self)
    return (writer.bytes + [0x2E], writer.mark)
  }

  private struct Writer {
    var bytes: [UInt8] = [0x80, 2]
    var mark: Int?

    /// Writes a value; gives the place of the operation that makes it.
    @discardableResult
    mutating func write(_ object: SavedObject) -> Int {
      switch object {
      case .none: return put([0x4E])
      case .bool(let value): return put([value ? 0x88 : 0x89])
      case .integer(let number):
        let bits = ZipBuilder.bytes(Int64(number))
        return put([0x8A, 8] + bits)
      case .double(let number):
        return put([0x47] + ZipBuilder.bytes(number.bitPattern).reversed())
      case .text(let text):
        return put([0x58] + ZipBuilder.bytes(UInt32(text.utf8.count)) + Array(text.utf8))
      case .tuple(let items):
        put([0x28])
        for item in items { write(item) }
        return put([0x74])
      case .list(let items):
        let place = put([0x5D])
        put([0x28])
        for item in items { write(item) }
        put([0x65])
        return place
      case .dictionary(let entries):
        let place = put([0x7D])
        put([0x28])
        for (key, value) in entries {
          write(key)
          write(value)
        }
        put([0x75])
        return place
      case .global(let module, let name): return put(Array("c\(module)\n\(name)\n".utf8))
      case .call(let function, let arguments):
        write(function)
        write(.tuple(arguments))
        return put([0x52])
      case .persistent(let identifier):
        write(identifier)
        return put([0x51])
      case .built(let object, let state):
        let place = write(object)
        write(state)
        put([0x62])
        return place
      case .stored(let object, let place):
        let made = write(object)
        put([0x71, place])
        return made
      case .recalled(let place): return put([0x68, place])
      case .marked(let object):
        let place = write(object)
        mark = place
        return place
      }
    }

    @discardableResult
    private mutating func put(_ new: [UInt8]) -> Int {
      bytes += new
      return bytes.count - new.count
    }
  }
}

extension SavedObject: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral
{
  init(integerLiteral value: Int) { self = .integer(value) }
  init(stringLiteral value: String) { self = .text(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }

  static func utility(_ name: String, _ arguments: [SavedObject]) -> SavedObject {
    .call(.global("torch._utils", name), arguments)
  }

  static let noHooks = SavedObject.call(.global("collections", "OrderedDict"), [])

  /// A storage of numbers.
  static func storage(
    _ type: SavedObject = .global("torch", "FloatStorage"),
    key: SavedObject = "0",
    count: SavedObject = 6
  ) -> SavedObject {
    .persistent(.tuple(["storage", type, key, "cpu", count]))
  }

  /// A tensor of two rows of three numbers, with anything else than it should be.
  static func tensor(
    _ storage: SavedObject = .storage(),
    offset: SavedObject = 0,
    extents: SavedObject = .tuple([2, 3]),
    strides: SavedObject = .tuple([3, 1]),
    gradient: SavedObject = false,
    hooks: SavedObject = .noHooks,
    metadata: SavedObject? = nil
  ) -> SavedObject {
    let arguments = [storage, offset, extents, strides, gradient, hooks]
    return .utility("_rebuild_tensor_v2", arguments + (metadata.map { [$0] } ?? []))
  }
}

/// Builds files of PyTorch.
struct TorchBuilder {
  /// The bytes of each storage, under its key.
  var storages: [(key: String, bytes: [UInt8])] = [("0", (0..<24).map { UInt8($0) })]
  /// What the member `version` holds; nil for none.
  var version: String? = "3\n"
  var byteOrder: String? = "little"
  var formatVersion: String?
  var folder = "a/"

  /// The archive, and where in it the marked value of its pickle is made.
  func build(_ object: SavedObject) -> (bytes: [UInt8], mark: UInt64?) {
    let pickle = object.pickled()
    var members = [ZipBuilder.Member(folder + "data.pkl", pickle.bytes)]
    for (key, bytes) in storages { members.append(.init(folder + "data/" + key, bytes)) }
    if let version { members.append(.init(folder + "version", Array(version.utf8))) }
    if let byteOrder { members.append(.init(folder + "byteorder", Array(byteOrder.utf8))) }
    if let formatVersion {
      members.append(.init(folder + ".format_version", Array(formatVersion.utf8)))
    }
    let start = 30 + (folder + "data.pkl").utf8.count
    return (ZipBuilder(members).build(), pickle.mark.map { UInt64(start + $0) })
  }

  /// The file.
  func file(_ object: SavedObject) throws -> TorchFile {
    try TorchFile(Self.storage(build(object).bytes), path: "a.pt")
  }

  static func storage(_ bytes: [UInt8]) throws -> TensorStorage {
    try unsafe TensorStorage(byteCount: bytes.count) { (target) throws(FlywheelError) in
      unsafe target.copyBytes(from: bytes)
    }
  }
}
