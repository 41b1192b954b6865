internal import FlywheelCore

extension HDF5Source {
  /// All datasets, each with its first path; links are not followed.
  func allDatasets() throws(FlywheelError) -> [HDF5Dataset] {
    let source = forWalk
    var found: [HDF5Dataset] = []
    try source.walk { (visit) throws(FlywheelError) in
      guard visit.kind == .dataset, visit.firstPath == nil, let object = visit.object else {
        return
      }
      found.append(try source.listed(object, at: visit.place).dataset)
    }
    return found
  }

  /// All links, soft and external ones; they are not followed.
  func allLinks() throws(FlywheelError) -> [HDF5Link] {
    var found: [HDF5Link] = []
    try forWalk.walk { (visit) in
      switch visit.kind {
      case .softLink, .externalLink, .other:
        found.append(HDF5Link(path: visit.place.description, kind: visit.kind))
      case .group, .dataset, .namedType: break
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
    _ = paths.firstPath(of: root.address, now: .root)
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
      try paths.count(place, entry.member.name)
      let child = place.appending(entry.member.name)
      let firstPath = entry.object.flatMap { paths.firstPath(of: $0.address, now: child) }
      let kind = entry.member.kind
      try visit(
        HDF5Visit(
          place: child,
          parent: place,
          kind: kind,
          object: entry.object,
          firstPath: firstPath
        )
      )
      guard kind == .group, firstPath == nil, let object = entry.object else { continue }
      try walk(object, at: child, depth: depth + 1, &paths, visit)
    }
  }
}
