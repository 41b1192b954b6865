import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelTorch

/// Metadata that ask for a great deal of memory or time.
@Suite("Distributed checkpoints that say more than they have bytes for")
struct DistributedBoundsTests {
  private static let name = 100_000

  /// A pickle, written by hand.
  private struct Writer {
    var bytes: [UInt8] = []

    mutating func text(_ text: String) {
      bytes += [0x58] + ZipBuilder.bytes(UInt32(text.utf8.count)) + Array(text.utf8)
    }

    mutating func number(_ value: UInt16) { bytes += [0x4D] + ZipBuilder.bytes(value) }
    mutating func store(_ place: UInt8) { bytes += [0x71, place] }
    mutating func recall(_ place: UInt8) { bytes += [0x68, place] }

    /// An object of a class of the metadata, whose fields are names and values in turn.
    mutating func object(
      _ type: String,
      in module: String = "torch.distributed.checkpoint.metadata",
      _ fields: (inout Writer) -> Void
    ) {
      bytes += Array("c\(module)\n\(type)\n)".utf8) + [0x81, 0x7D, 0x28]
      fields(&self)
      bytes += [0x75, 0x62]
    }

    mutating func dictionary(_ entries: (inout Writer) -> Void) {
      bytes += [0x7D, 0x28]
      entries(&self)
      bytes.append(0x75)
    }

    mutating func tuple(_ items: (inout Writer) -> Void) {
      bytes.append(0x28)
      items(&self)
      bytes.append(0x74)
    }
  }

  /// The file `.metadata`, whose parts write values.
  private static func metadata(
    _ listed: (inout Writer) -> Void = { $0.dictionary { _ in } },
    places: (inout Writer) -> Void = { $0.dictionary { _ in } },
    paths: (inout Writer) -> Void = { $0.dictionary { _ in } }
  ) throws -> TensorStorage {
    var writer = Writer(bytes: [0x80, 2])
    writer.object("Metadata") { writer in
      writer.text("storage_data")
      places(&writer)
      writer.text("state_dict_metadata")
      listed(&writer)
      writer.text("planner_data")
      paths(&writer)
    }
    return try TorchBuilder.storage(writer.bytes + [0x2E])
  }

  /// Where a value lies: the whole of a file.
  private static func place(_ writer: inout Writer, file: String = "a", length: Int = 0) {
    writer.object("_StorageInfo", in: "torch.distributed.checkpoint.filesystem") { writer in
      writer.text("relative_path")
      writer.text(file)
      writer.text("offset")
      writer.number(0)
      writer.text("length")
      writer.bytes += [0x4A] + ZipBuilder.bytes(UInt32(length))
    }
  }

  @Test("A path of many long parts is compared no further than its name")
  func paths() throws {
    let metadata = try Self.metadata(paths: { writer in
      writer.dictionary { writer in
        writer.text(String(repeating: "a", count: Self.name))
        writer.store(0)
        writer.tuple { writer in for _ in 0..<Self.name { writer.recall(0) } }
      }
    })
    #expect(try DistributedMetadata(metadata).entries.isEmpty)
  }

  @Test("A long name may not be that of many places")
  func names() throws {
    let metadata = try Self.metadata(places: { writer in
      writer.dictionary { writer in
        for number in 0..<2_000 as Range<UInt16> {
          writer.object("MetadataIndex") { writer in
            writer.text("fqn")
            if number == 0 {
              writer.text(String(repeating: "a", count: Self.name))
              writer.store(0)
            } else {
              writer.recall(0)
            }
            writer.text("offset")
            writer.tuple { $0.number(number) }
          }
          if number == 0 {
            Self.place(&writer)
            writer.store(1)
          } else {
            writer.recall(1)
          }
        }
      }
    })
    let error = try #require(throws: FlywheelError.self) { try DistributedMetadata(metadata) }
    #expect(error.code == .limitExceeded && error.location.byteOffset != nil, "\(error)")
  }

  @Test("One chunk may not be many of a tensor's")
  func chunks() throws {
    func axes(_ writer: inout Writer) {
      writer.tuple { writer in for _ in 0..<64 { writer.number(1) } }
      writer.store(0)
    }
    let metadata = try Self.metadata(
      { writer in
        writer.dictionary { writer in
          writer.text("x")
          writer.object("TensorStorageMetadata") { writer in
            writer.text("size")
            axes(&writer)
            writer.text("properties")
            writer.object("TensorProperties") { _ in }
            // Its state is a tuple, rather than its fields.
            writer.bytes.removeLast(4)
            writer.tuple { $0.bytes += Array("ctorch\nfloat32\n".utf8) }
            writer.bytes.append(0x62)
            writer.text("chunks")
            writer.bytes += [0x5D, 0x28]
            writer.object("ChunkStorageMetadata") { writer in
              writer.text("offsets")
              writer.recall(0)
              writer.text("sizes")
              writer.recall(0)
            }
            writer.store(1)
            for _ in 0..<20_000 { writer.recall(1) }
            writer.bytes.append(0x65)
          }
        }
      },
      places: { writer in
        writer.dictionary { writer in
          writer.object("MetadataIndex") { writer in
            writer.text("fqn")
            writer.text("x")
            writer.text("offset")
            axes(&writer)
          }
          Self.place(&writer, length: 4)
        }
      }
    )
    let entry = try #require(try DistributedMetadata(metadata).entries["x"])
    guard case .unreadable(_, _, let error) = entry else {
      Issue.record("there is no such tensor")
      return
    }
    #expect(error.code == .limitExceeded, "\(error)")
  }

  @Test("A long name may not be that of many values within one")
  func values() throws {
    let object = TorchBuilder().build(
      .dictionary((0..<2_000).map { (.text("\($0)"), .dictionary([("x", 1)])) })
    )
    let name = String(repeating: "a", count: Self.name)
    let metadata = try Self.metadata(
      { writer in
        writer.dictionary { writer in
          writer.recall(0)
          writer.object("BytesStorageMetadata") { _ in }
        }
      },
      places: { writer in
        writer.dictionary { writer in
          writer.object("MetadataIndex") { writer in
            writer.text("fqn")
            writer.text(name)
            writer.store(0)
          }
          Self.place(&writer, length: object.bytes.count)
        }
      }
    )
    let error = try #require(throws: FlywheelError.self) {
      try DistributedCheckpoint(metadata, path: "c") { path throws(FlywheelError) in
        guard path == "c/a", let storage = try? TorchBuilder.storage(object.bytes) else {
          throw FlywheelError(.notFound, "There is no \(path).")
        }
        return storage
      }
    }
    #expect(error.code == .limitExceeded, "\(error)")
  }

  @Test("A name that no file can have is refused, and told shortened", arguments: ["a", "a/"])
  func longFiles(part: String) throws {
    let file = String(repeating: part, count: 3_000) + "a"
    let metadata = try Self.metadata(places: { writer in
      writer.dictionary { writer in
        writer.object("MetadataIndex") { writer in
          writer.text("fqn")
          writer.text("x")
        }
        Self.place(&writer, file: file)
      }
    })
    let error = try #require(throws: FlywheelError.self) { try DistributedMetadata(metadata) }
    #expect(error.code == .malformed && error.message.utf8.count < 300, "\(error)")
  }

  @Test("An empty file has no value")
  func emptyPlace() throws {
    let metadata = try Self.metadata(
      { writer in
        writer.dictionary { writer in
          writer.text("x")
          writer.object("BytesStorageMetadata") { _ in }
        }
      },
      places: { writer in
        writer.dictionary { writer in
          writer.object("MetadataIndex") { writer in
            writer.text("fqn")
            writer.text("x")
          }
          Self.place(&writer)
        }
      }
    )
    let error = try #require(throws: FlywheelError.self) {
      try DistributedCheckpoint(metadata, path: "c") { path throws(FlywheelError) in
        throw FlywheelError(.notFound, "There is no \(path).")
      }
    }
    #expect(error.code == .malformed && error.location.path == "c/.metadata", "\(error)")
  }
}
