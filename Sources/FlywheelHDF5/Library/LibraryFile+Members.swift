internal import CFlywheelHDF5
internal import FlywheelCore

/// What libhdf5 tells of an object: which one it is; its path says how to get there.
struct LibraryObject: HDF5SourceObject {
  let address: UInt64
  let kind: HDF5Member.Kind
}

extension LibraryFile {
  var forWalk: LibraryFile { self }

  func root() throws(FlywheelError) -> LibraryObject {
    try HDF5Library.call { () throws(FlywheelError) in
      var identity: UInt64 = 0
      guard unsafe fw_h5_identify(try group(.root), &identity) >= 0 else {
        throw HDF5Library.damage("the root group", path: path)
      }
      return LibraryObject(address: identity, kind: .group)
    }
  }

  func members(of place: HDF5Path) throws(FlywheelError) -> [HDF5Member] {
    try entries(of: try root(), at: place).map { entry in
      switch entry.target {
      case .object: HDF5Member(name: entry.name, kind: entry.object?.kind ?? .other)
      case .link(let kind): HDF5Member(name: entry.name, kind: kind)
      }
    }
  }

  func object(of entry: HDF5Entry<LibraryObject>, at place: HDF5Path) -> LibraryObject? {
    entry.object
  }

  func entries(
    of group: LibraryObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> [HDF5Entry<LibraryObject>] {
    try HDF5Library.call { () throws(FlywheelError) in try links(of: place) }
  }

  func listed(
    _ object: LibraryObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> ListedDataset {
    do throws(FlywheelError) {
      return ListedDataset(dataset: try dataset(at: place), liesAsInMemory: false)
    } catch  where error.code == .unsupported {
      return ListedDataset(unknownAt: place, to: readerDescription)
    }
  }

  /// The links of a group with the identities of the objects they lead to; the caller holds the lock.
  private func links(
    of place: HDF5Path
  ) throws(FlywheelError) -> [HDF5Entry<LibraryObject>] {
    let group = try group(place)
    let names = try unsafe names("a group", place) { (visit, names) in
      unsafe fw_h5_names(group, visit, names)
    }
    var links: [HDF5Entry<LibraryObject>] = []
    for name in names {
      guard let (kind, address) = kind(of: name, in: group) else {
        throw HDF5Library.damage("'\(name)'", path: path, tensor: place.description)
      }
      links.append(
        HDF5Entry(
          name: name,
          target: address.map { .object(address: $0) } ?? .link(kind),
          object: address.map { LibraryObject(address: $0, kind: kind) }
        )
      )
    }
    return links
  }

  /// The names that libhdf5 visits in an object; the caller holds the lock.
  func names(
    _ what: String,
    _ place: HDF5Path,
    _ iterate: (fw_h5_visitor, UnsafeMutableRawPointer) -> CInt
  ) throws(FlywheelError) -> [String] {
    var names: [String?] = []
    let status = unsafe withUnsafeMutablePointer(to: &names) { names in
      let visit: fw_h5_visitor = { name, context in
        let names = unsafe context?.assumingMemoryBound(to: [String?].self)
        unsafe names?.pointee.append(name.flatMap { unsafe String(validatingCString: $0) })
        return 0
      }
      return unsafe iterate(visit, names)
    }
    guard status >= 0 else {
      throw HDF5Library.damage(what, path: path, tensor: place.description)
    }
    let texts = names.compactMap { $0 }
    guard texts.count == names.count else {
      throw FlywheelError.malformed(
        found: "a name that is not UTF-8",
        expected: "text",
        at: .init(path: path, tensor: place.description)
      )
    }
    guard !texts.contains(where: \.hasTooManyCombiningMarks) else {
      throw FlywheelError.tooManyCombiningMarks(
        at: .init(path: path, tensor: place.description)
      )
    }
    return texts
  }

  /// What a name stands for, without following it, and the identity of a hard link's object.
  func kind(of name: String, in group: hid_t) -> (kind: HDF5Member.Kind, object: UInt64?)? {
    var link = fw_h5_member()
    guard unsafe fw_h5_look(group, name, &link) >= 0 else { return nil }
    if link.is_hard_link != 0 {
      switch link.object_type {
      case H5O_TYPE_GROUP.rawValue: return (.group, link.object)
      case H5O_TYPE_DATASET.rawValue: return (.dataset, link.object)
      case H5O_TYPE_NAMED_DATATYPE.rawValue: return (.namedType, link.object)
      default: return (.other, link.object)
      }
    }
    guard link.link_type == H5L_TYPE_SOFT.rawValue || link.link_type == H5L_TYPE_EXTERNAL.rawValue
    else { return (.other, nil) }
    guard let target = target(of: name, in: group, link.target_byte_count) else { return nil }
    if link.link_type == H5L_TYPE_SOFT.rawValue {
      return (.softLink(target: Self.text(target.prefix { $0 != 0 })), nil)
    }
    // After a byte of flags, two texts that end with a zero.
    let parts = target.dropFirst().split(
      separator: 0,
      maxSplits: 2,
      omittingEmptySubsequences: false
    )
    guard parts.count > 1 else { return nil }
    return (.externalLink(file: Self.text(parts[0]), target: Self.text(parts[1])), nil)
  }

  private func target(of name: String, in group: hid_t, _ byteCount: Int) -> [UInt8]? {
    guard byteCount <= FW_H5_MAX_TARGET else { return nil }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    let status = unsafe bytes.withUnsafeMutableBytes { buffer in
      unsafe fw_h5_target(group, name, buffer.baseAddress, buffer.count)
    }
    return status < 0 ? nil : bytes
  }

  /// A text for people: where a link leads is shown, never used.
  private static func text(_ bytes: some Sequence<UInt8>) -> String {
    String(decoding: Array(bytes), as: UTF8.self)
  }
}
