internal import FlywheelCore

extension HDF5Source {
  /// All datasets, each with its first path; links are not followed.
  func allDatasets() throws(FlywheelError) -> [HDF5Dataset] {
    let source = forWalk
    var found: [HDF5Dataset] = []
    try source.walk { (visit) throws(FlywheelError) in
      guard case .object(let object) = visit.target, object.kind == .dataset else { return }
      found.append(try source.listed(object, at: visit.place).dataset)
    }
    return found
  }

  /// All links, soft and external ones; they are not followed.
  func allLinks() throws(FlywheelError) -> [HDF5Link] {
    var found: [HDF5Link] = []
    try forWalk.walk { (visit) in
      switch visit.target {
      case .link(let kind): found.append(HDF5Link(path: visit.place.description, kind: kind))
      case .object(let object) where object.kind == .other:
        found.append(HDF5Link(path: visit.place.description, kind: .other))
      case .object, .known: break
      }
    }
    return found
  }

  /// Visits every name in the file.
  ///
  /// Objects can have many names, and groups can contain themselves: a group is entered once.
  ///
  /// - Parameter visit: Takes the names, group by group in the order of `entries(of:at:)`.
  /// - Throws: What `visit` throws, `malformed` or `corrupted` if the file is damaged, `limitExceeded` for
  ///   groups nested too deep, and for paths that are longer together than their file can justify.
  func walk(
    _ visit: (HDF5Visit<Object>) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    var paths = WalkedPaths(limit: limit)
    let root = try root()
    _ = try paths.firstPath(of: root.address, now: .root)
    try walk(root, at: .root, depth: 0, &paths, visit)
  }

  private func walk(
    _ group: Object,
    at place: HDF5Path,
    depth: Int,
    _ paths: inout WalkedPaths,
    _ visit: (HDF5Visit<Object>) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    guard depth <= HDF5Path.depthLimit else {
      throw FlywheelError(
        .limitExceeded,
        "Groups are nested more than \(HDF5Path.depthLimit) deep.",
        at: .init(tensor: place.description)
      )
    }
    for entry in try entries(of: group, at: place) {
      try paths.count(place, entry.name)
      let child = place.appending(entry.name)
      let target = try target(of: entry, at: child, &paths)
      try visit(HDF5Visit(place: child, groupAddress: group.address, target: target))
      guard case .object(let object) = target, object.kind == .group else { continue }
      try walk(object, at: child, depth: depth + 1, &paths, visit)
    }
  }

  /// What a name stands for; an object is looked at under its first name alone, as it may have very many.
  private func target(
    of entry: HDF5Entry<Object>,
    at place: HDF5Path,
    _ paths: inout WalkedPaths
  ) throws(FlywheelError) -> HDF5Visit<Object>.Target {
    switch entry.target {
    case .link(let kind): return .link(kind)
    case .object(let address):
      if let first = try paths.firstPath(of: address, now: place) {
        return .known(firstPath: first)
      }
      if let object = try object(of: entry, at: place) { return .object(object) }
      paths.forget(address)
      return .link(.other)
    }
  }
}
