internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5File {
  /// The names in a group, in the order in which they were added if the file knows it, as Flywheel's own
  /// do; else in the order of their bytes.
  ///
  /// - Parameter path: The group.
  /// - Returns: The names with what they stand for.
  /// - Throws: `notFound`, `mismatch` if it is no group, `malformed` or `corrupted` if it is damaged.
  public func members(of path: String = "/") throws(FlywheelError) -> [HDF5Member] {
    try HDF5Library.call { () throws(FlywheelError) in
      try links(of: located(path)).map(\.member)
    }
  }

  /// All datasets, each with its first path; links are not followed.
  ///
  /// - Returns: The datasets, group by group in the order of `members(of:)`.
  /// - Throws: `malformed` or `corrupted` if the file is damaged, `limitExceeded` for groups nested more
  ///   than 64 deep.
  public func allDatasets() throws(FlywheelError) -> [HDF5Dataset] {
    try HDF5Library.call { () throws(FlywheelError) in
      var found: [HDF5Dataset] = []
      try walk { (place, kind, first) throws(FlywheelError) in
        guard kind == .dataset, first == nil else { return }
        do throws(FlywheelError) {
          found.append(try describe(place))
        } catch  where error.code == .unsupported {
          found.append(HDF5Dataset(unknownAt: place))
        }
      }
      return found
    }
  }

  /// All links, soft and external ones, with where they lead; they are not followed.
  ///
  /// - Returns: The links, in the order of `allDatasets()`.
  /// - Throws: As `allDatasets()`.
  public func allLinks() throws(FlywheelError) -> [HDF5Link] {
    try HDF5Library.call { () throws(FlywheelError) in
      var found: [HDF5Link] = []
      try walk { (place, kind, _) in
        switch kind {
        case .softLink, .externalLink, .other:
          found.append(HDF5Link(path: place.description, kind: kind))
        case .group, .dataset, .namedType: break
        }
      }
      return found
    }
  }

  /// Visits every name in the file; the caller holds the lock.
  ///
  /// Objects can have many names, and groups can contain themselves: the third value is the object's first
  /// path where the name is another one, and a group is entered once.
  func walk(
    _ visit: (HDF5Path, HDF5Member.Kind, String?) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    var seen: [UInt64: String] = [:]
    try walk(.root, depth: 0, &seen, visit)
  }

  private func walk(
    _ place: HDF5Path,
    depth: Int,
    _ seen: inout [UInt64: String],
    _ visit: (HDF5Path, HDF5Member.Kind, String?) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard depth <= HDF5Path.depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Groups are nested more than \(HDF5Path.depthLimit) deep.",
        at: .init(path: path, tensor: place.description)
      )
    }
    for (member, object) in try links(of: place) {
      let child = place.appending(member.name)
      let first = object.flatMap { seen.updateValue(seen[$0] ?? child.description, forKey: $0) }
      try visit(child, member.kind, first)
      guard member.kind == .group, first == nil else { continue }
      try walk(child, depth: depth + 1, &seen, visit)
    }
  }

  /// The links of a group with the identities of the objects they lead to; the caller holds the lock.
  private func links(
    of place: HDF5Path
  ) throws(FlywheelError) -> [(member: HDF5Member, object: UInt64?)] {
    let group = try group(place)
    let names = try unsafe names("a group", place) { (visit, names) in
      unsafe fw_h5_names(group, visit, names)
    }
    var links: [(member: HDF5Member, object: UInt64?)] = []
    for name in names {
      guard let (kind, object) = kind(of: name, in: group) else {
        throw HDF5Library.damage("'\(name)'", path: path, tensor: place.description)
      }
      links.append((HDF5Member(name: name, kind: kind), object))
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
