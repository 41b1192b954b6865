import FlywheelCore
import FlywheelPickle
import SystemPackage

/// The container of PyTorch before 1.6: five pickles one after the other, then the storages' bytes, always
/// little-endian (`_legacy_save` in `torch/serialization.py`, `torch/csrc/serialization.cpp`).
struct TorchStream: TorchContainer {
  let graph: PickleGraph
  let graphByteCount: Int
  let isBigEndian = false
  let hasChecksums = false

  private let bytes: TensorStorage
  /// Where the bytes of each storage lie.
  private let ranges: [String: Range<Int>]

  /// What the first pickle contains: 0x1950A86A20F9469CFC6C.
  static let magic: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// What the second one contains.
  private static let version: Int64 = 1001

  /// Reads the pickles, and finds the storages behind them.
  ///
  /// - Parameters:
  ///   - bytes: The whole file, which begins with the magic number.
  ///   - path: Its name, for errors.
  /// - Throws: As `TorchFile.init(_:path:verifiesChecksums:)`.
  init(_ bytes: TensorStorage, path: FilePath) throws(FlywheelError) {
    self.bytes = bytes
    do throws(FlywheelError) {
      var position = Self.magic.count
      let version = try Self.next(bytes, &position)
      guard case .integer(Self.version) = version[version.root] else {
        throw FlywheelError(
          .unsupported,
          "Found another version of PyTorch's old format where \(Self.version) was expected; save the file with "
            + "PyTorch 2.",
          at: .init(byteOffset: UInt64(Self.magic.count))
        )
      }
      // What the machine was like that wrote it, which does not matter to the bytes.
      _ = try Self.next(bytes, &position)
      let start = position
      graph = try Self.next(bytes, &position, allowing: TorchGlobals.allowList)
      graphByteCount = position - start
      let keys = try Self.next(bytes, &position)
      ranges = try Self.ranges(bytes, from: position, keys, Self.storages(in: graph))
    } catch {
      throw error.located(path: path)
    }
  }

  /// Reads the next pickle.
  private static func next(
    _ bytes: TensorStorage,
    _ position: inout Int,
    allowing allowList: PickleAllowList = PickleAllowList()
  ) throws(FlywheelError) -> PickleGraph {
    let graph = try PickleGraph(
      reading: bytes,
      in: position..<bytes.byteCount,
      allowing: allowList
    )
    position = graph.end
    return graph
  }

  /// The storages that a pickle names, wherever it does; a part of one stands for the whole.
  private static func storages(
    in graph: PickleGraph
  ) throws(FlywheelError) -> [String: TorchStorage] {
    var storages: [String: TorchStorage] = [:]
    for reference in graph.persistentReferences {
      let storage = try TorchPickle(graph).storage(reference)
      storages[storage.key] = storage
    }
    return storages
  }

  /// Where the storages lie: for each key of a list, in its order, the number of elements and then they.
  private static func ranges(
    _ bytes: TensorStorage,
    from position: Int,
    _ keys: PickleGraph,
    _ storages: [String: TorchStorage]
  ) throws(FlywheelError) -> [String: Range<Int>] {
    guard case .list(let items) = keys[keys.root] else {
      throw FlywheelError.malformed(
        found: "something else",
        expected: "a list of the storages that follow",
        at: .init(byteOffset: UInt64(keys.offset(of: keys.root)))
      )
    }
    var ranges: [String: Range<Int>] = [:]
    var reader = ByteReader(bytes.bytes.extracting(droppingFirst: position))
    for item in items {
      guard case .text(let key) = keys[item], let storage = storages[key], ranges[key] == nil else {
        throw FlywheelError.malformed(
          found: "a storage that no tensor names, or for the second time",
          expected: "each of those that the tensors name",
          at: .init(byteOffset: UInt64(keys.offset(of: item)))
        )
      }
      do throws(FlywheelError) {
        let count = try reader.readLittleEndian(Int64.self, "the length of a storage")
        guard let count = Int(exactly: count), count >= 0, count == storage.count else {
          throw FlywheelError(
            .mismatch,
            "The storage \(quoted(key)) has \(count) elements, but the pickle says \(storage.count); the file is "
              + "damaged.",
            at: .init(byteOffset: UInt64(reader.offset - 8))
          )
        }
        let start = position + reader.offset
        _ = try reader.take(storage.byteCount, "a storage")
        ranges[key] = start..<start + storage.byteCount
      } catch {
        var error = error
        error.location.byteOffset = error.location.byteOffset.map { $0 + UInt64(position) }
        throw error
      }
    }
    return ranges
  }

  var byteCount: Int { bytes.byteCount }

  func find(_ storage: TorchStorage) throws(FlywheelError) -> String {
    _ = try contents(of: storage, isShared: false)
    return ""
  }

  func contents(
    of storage: TorchStorage,
    isShared: Bool
  ) throws(FlywheelError) -> (TensorStorage, offset: Int) {
    guard let range = ranges[storage.key] else {
      throw FlywheelError(
        .notFound,
        "The file does not have the bytes of the storage \(quoted(storage.key)); it was not finished."
      )
    }
    guard range.count == storage.byteCount else {
      throw FlywheelError(
        .mismatch,
        "The storage \(quoted(storage.key)) has \(range.count) bytes where the tensor needs "
          + "\(storage.byteCount); the file is damaged.",
        at: .init(byteOffset: UInt64(range.lowerBound))
      )
    }
    return (bytes, range.lowerBound)
  }
}
