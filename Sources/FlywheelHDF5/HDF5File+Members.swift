internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5File {
  /// The names in a group, in the order of their bytes.
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
  /// - Returns: The datasets in the order of their paths.
  /// - Throws: `malformed` or `corrupted` if the file is damaged, `limitExceeded` for groups nested more
  ///   than 64 deep.
  public func allDatasets() throws(FlywheelError) -> [HDF5Dataset] {
    try HDF5Library.call { () throws(FlywheelError) in
      var found: [HDF5Dataset] = []
      // Objects can have many names, and groups can contain themselves.
      var seen: Set<UInt64> = []
      try collect(at: .root, into: &found, &seen)
      return found
    }
  }

  private func collect(
    at place: HDF5Path,
    depth: Int = 0,
    into found: inout [HDF5Dataset],
    _ seen: inout Set<UInt64>
  ) throws(FlywheelError) {
    guard depth <= 64 else {
      throw FlywheelError(
        .limitExceeded,
        "Groups are nested more than 64 deep.",
        at: .init(path: path, tensor: place.description)
      )
    }
    for (member, object) in try links(of: place) {
      let child = place.appending(member.name)
      switch member.kind {
      case .dataset where seen.insert(object).inserted:
        found.append(try describe(child))
      case .group where seen.insert(object).inserted:
        try collect(at: child, depth: depth + 1, into: &found, &seen)
      default: break
      }
    }
  }

  /// The links of a group with the identities of the objects they lead to; the caller holds the lock.
  private func links(
    of place: HDF5Path
  ) throws(FlywheelError) -> [(member: HDF5Member, object: UInt64)] {
    let group = try group(place)
    var names: [String?] = []
    let status = unsafe withUnsafeMutablePointer(to: &names) { names in
      let visit: fw_h5_visitor = { name, context in
        let names = unsafe context?.assumingMemoryBound(to: [String?].self)
        unsafe names?.pointee.append(name.flatMap { unsafe String(validatingCString: $0) })
        return 0
      }
      return unsafe fw_h5_names(group, visit, names)
    }
    guard status >= 0 else {
      throw HDF5Library.damage("a group", path: path, tensor: place.description)
    }
    var links: [(member: HDF5Member, object: UInt64)] = []
    for name in names {
      guard let name else {
        throw FlywheelError.malformed(
          found: "a name that is not UTF-8",
          expected: "text",
          at: .init(path: path, tensor: place.description)
        )
      }
      guard let (kind, object) = kind(of: name, in: group) else {
        throw HDF5Library.damage("'\(name)'", path: path, tensor: place.description)
      }
      links.append((HDF5Member(name: name, kind: kind), object))
    }
    return links
  }

  /// What a name stands for, without following it, and the identity of a hard link's object.
  func kind(of name: String, in group: hid_t) -> (kind: HDF5Member.Kind, object: UInt64)? {
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
    switch link.link_type {
    case H5L_TYPE_SOFT.rawValue: return (.softLink, 0)
    case H5L_TYPE_EXTERNAL.rawValue: return (.externalLink, 0)
    default: return (.other, 0)
    }
  }
}
