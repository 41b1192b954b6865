import FlywheelCore
import FlywheelHDF5
import OrderedCollections
import SystemPackage

/// What holds for any bytes that are read as an HDF5 file.
public enum HDF5Laws {
  /// What reading may take although the bytes cannot justify it.
  private static let fillLimit = 1 << 20

  /// Reads bytes as a file, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count, allowsAddresses: true)
    let storage = try bytes.storage()
    let file = try attempt { () throws(FlywheelError) in
      try HDF5File(storage, path: "a.h5", fillLimit: fillLimit)
    }
    guard let file else { return }
    var groupsLeft = 20
    try checkMembers(of: "", in: file, attempt, &groupsLeft)
    _ = try attempt { () throws(FlywheelError) in try file.allLinks() }
    let datasets = try attempt { () throws(FlywheelError) in try file.allDatasets() } ?? []
    for dataset in datasets.prefix(100) { try check(dataset, in: file, attempt) }
    let archive = try attempt { () throws(FlywheelError) in
      try HDF5ArchiveReader(storage, path: "a.h5", fillLimit: fillLimit)
    }
    guard let archive else { throw BrokenLaw("a file can be opened, but not as an archive") }
    try checkAttributes(of: archive, in: file, attempt)
    if datasets.count <= 100 { try ArchiveLaws.check(archive, attempt) }
  }

  /// What is listed can be asked for: a group is one, and a dataset too.
  private static func checkMembers(
    of group: String,
    in file: borrowing HDF5File,
    _ attempt: Attempt,
    _ groupsLeft: inout Int
  ) throws(BrokenLaw) {
    guard groupsLeft > 0 else { return }
    groupsLeft -= 1
    let members = try found(group, attempt) { () throws(FlywheelError) in
      try file.members(of: group)
    }
    for member in (members ?? []).prefix(100) {
      let path = "\(group)/\(member.name)"
      switch member.kind {
      case .group: try checkMembers(of: path, in: file, attempt, &groupsLeft)
      case .dataset:
        _ = try found(path, attempt) { () throws(FlywheelError) in try file.dataset(path) }
      case .namedType, .softLink, .externalLink, .other:
        _ = try attempt { () throws(FlywheelError) in try file.dataset(path) }
        _ = try attempt { () throws(FlywheelError) in try file.members(of: path) }
      }
    }
  }

  /// Asks for something that was listed, which may be damaged, but not missing.
  private static func found<Result>(
    _ path: String,
    _ attempt: Attempt,
    _ body: () throws(FlywheelError) -> Result
  ) throws(BrokenLaw) -> Result? {
    do throws(FlywheelError) {
      return try body()
    } catch {
      try attempt.check(error)
      try BrokenLaw.unless(
        error.code != .notFound && error.code != .mismatch,
        "\(path) is listed, but: \(error)"
      )
      return nil
    }
  }

  /// A dataset is what its listing says, however often and in whichever parts it is read.
  private static func check(
    _ dataset: HDF5Dataset,
    in file: borrowing HDF5File,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let path = dataset.path
    let again = try found(path, attempt) { () throws(FlywheelError) in try file.dataset(path) }
    try BrokenLaw.unless(again ?? dataset == dataset, "\(path) is not what its listing says")
    let strings = try attempt { () throws(FlywheelError) in try file.strings(at: path) }
    try BrokenLaw.unless(
      strings.map(\.count) ?? dataset.shape.elementCount == dataset.shape.elementCount,
      "\(path) of shape \(dataset.shape) has \(strings?.count ?? 0) texts"
    )
    let tensor = try found(path, attempt) { () throws(FlywheelError) in try file.tensor(path) }
    let second = try found(path, attempt) { () throws(FlywheelError) in try file.tensor(path) }
    try BrokenLaw.unless((tensor == nil) == (second == nil), "\(path) can be read, and cannot")
    guard let tensor, let second else { return }
    try BrokenLaw.unless(
      tensor.dtype == dataset.dtype && tensor.shape == dataset.shape,
      "\(path) is \(dataset.typeDescription) \(dataset.shape), but read as \(tensor.dtype) \(tensor.shape)"
    )
    var elements: [UInt8] = []
    elements.append(tensor.bytes)
    try BrokenLaw.unless(second.bytes.isEqual(to: elements), "\(path) has other elements then")
    try checkBlocks(of: tensor, elements, at: path, in: file, attempt)
  }

  /// A part of a dataset has the elements of the whole.
  private static func checkBlocks(
    of tensor: Tensor,
    _ elements: [UInt8],
    at path: String,
    in file: borrowing HDF5File,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let shape = tensor.shape
    guard (1...1 << 12).contains(shape.elementCount), shape.rank > 0 else { return }
    let size = tensor.dtype.byteCount
    for block in blocks(within: shape.extents) {
      let part = try attempt { () throws(FlywheelError) in try file.tensor(path, block: block) }
      guard let part else { throw BrokenLaw("\(path) can be read, but not \(block)") }
      let expected = places(of: block, within: shape.extents).flatMap {
        elements[$0 * size..<($0 + 1) * size]
      }
      try BrokenLaw.unless(part.shape.extents == block.count, "\(block) has \(part.shape)")
      try BrokenLaw.unless(part.bytes.isEqual(to: expected), "\(block) of \(path) has others")
    }
  }

  /// Some parts of a dataset: one in its midst, one with gaps, and its last element.
  private static func blocks(within extents: [Int]) -> [HDF5Block] {
    let ones = [Int](repeating: 1, count: extents.count)
    let middle = HDF5Block(
      offset: extents.map { $0 / 3 },
      count: extents.map { max(1, $0 / 2) }
    )
    let gaps = HDF5Block(
      offset: extents.map { min(1, $0 - 1) },
      count: extents.map { max(1, $0 / 2) },
      stride: extents.map { min(2, $0) }
    )
    return [middle, gaps, HDF5Block(offset: extents.map { $0 - 1 }, count: ones)]
  }

  /// The indices of a block's elements in row-major order of the whole.
  private static func places(of block: HDF5Block, within extents: [Int]) -> [Int] {
    var places = [0]
    for (axis, extent) in extents.enumerated() {
      places = places.flatMap { place in
        (0..<block.count[axis]).map {
          place * extent + block.offset[axis] + $0 * block.stride[axis]
        }
      }
    }
    return places
  }

  /// Every attribute that is listed can be asked for.
  private static func checkAttributes(
    of archive: HDF5ArchiveReader,
    in file: borrowing HDF5File,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let metadata = try attempt { () throws(FlywheelError) in try archive.metadata() }
    for (key, attributes) in (metadata?.attributes ?? [:]).elements.prefix(100) {
      for name in attributes.keys.prefix(100) {
        let value = try found(name, attempt) { () throws(FlywheelError) in
          try file.attribute(name, of: "/\(key)")
        }
        try BrokenLaw.unless(value ?? nil != nil, "there is no attribute \(name), which is listed")
      }
    }
  }
}
