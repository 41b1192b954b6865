import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// A file whose structures Flywheel's own reader reads, for tests of single datasets.
struct ReaderFile {
  let structure: FileStructure
  private let addresses: [String: UInt64]

  init(_ path: FilePath) throws {
    try self.init(TensorStorage(mapping: MappedFile(path: path)))
  }

  init(_ storage: TensorStorage) throws {
    structure = try FileStructure(of: storage)
    let root = try ObjectHeader(at: structure.superblock.rootAddress, in: structure.image)
    var addresses: [String: UInt64] = [:]
    for link in try GroupLinks.links(of: root, in: structure) {
      if case .object(let address) = link.target { addresses[link.name] = address }
    }
    self.addresses = addresses
  }

  var names: [String] { addresses.keys.sorted() }

  /// The elements of a dataset of the root group, not read yet.
  func input(_ name: String, fillLimit: Int = 64 << 20) throws -> DatasetInput {
    let address = try #require(addresses[name])
    let header = try ObjectHeader(at: address, in: structure.image)
    func content(_ kind: MessageKind) throws -> StoredBytes? {
      try header.first(kind).map { try structure.content(of: $0) }
    }
    let image = structure.image
    let type = try Datatype(#require(try content(.datatype)), in: image)
    return try DatasetInput(
      type,
      as: #require(type.elementType),
      Dataspace(#require(try content(.dataspace)), in: image),
      DataLayout(#require(try content(.layout)), in: image),
      content(.filterPipeline).map { try FilterPipeline($0, in: image) } ?? FilterPipeline(),
      FillValue(of: header, in: structure),
      in: image,
      limit: ReadLimit(fileByteCount: image.storage.byteCount, fillLimit: fillLimit)
    )
  }

  /// The layout of a dataset of the root group.
  func layout(_ name: String) throws -> DataLayout {
    let header = try ObjectHeader(at: #require(addresses[name]), in: structure.image)
    return try DataLayout(
      #require(header.first(.layout)).content(in: structure.image),
      in: structure.image
    )
  }
}
