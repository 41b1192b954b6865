internal import FlywheelCore

extension StructureFile {
  func members(of place: HDF5Path) throws(FlywheelError) -> [HDF5Member] {
    let links = try groupIndex(of: try object(at: place, .group)).links
    // The headers of the objects can lie over each other, so that the bytes are counted, as in a walk.
    let file = forWalk
    // Many names can lead to one object, which is looked at once; what it holds would take much memory.
    var kinds: [UInt64: HDF5Member.Kind] = [:]
    var members: [HDF5Member] = []
    members.reserveCapacity(links.count)
    for link in links {
      members.append(HDF5Member(name: link.name, kind: try file.kind(of: link, in: place, &kinds)))
    }
    return members
  }

  private func kind(
    of link: LinkMessage,
    in place: HDF5Path,
    _ kinds: inout [UInt64: HDF5Member.Kind]
  ) throws(FlywheelError) -> HDF5Member.Kind {
    switch link.target.kind {
    case .link(let kind): return kind
    case .object(let address):
      if let kind = kinds[address] { return kind }
      let object = try knownObject(at: address, of: place.appending(link.name))
      kinds[address] = object?.kind ?? .other
      return object?.kind ?? .other
    }
  }

  func entries(
    of group: StructureObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> [HDF5Entry<StructureObject>] {
    try groupIndex(of: group).links.map { link in
      HDF5Entry(name: link.name, target: link.target.kind, object: nil)
    }
  }

  func object(
    of entry: HDF5Entry<StructureObject>,
    at place: HDF5Path
  ) throws(FlywheelError) -> StructureObject? {
    guard case .object(let address) = entry.target else { return nil }
    return try knownObject(at: address, of: place)
  }

  /// The object at an address; nil if it is too new.
  private func knownObject(
    at address: UInt64,
    of place: HDF5Path
  ) throws(FlywheelError) -> StructureObject? {
    do throws(FlywheelError) {
      return try object(at: address)
    } catch {
      guard error.code == .unsupported else { throw error.located(tensor: place.description) }
      return nil
    }
  }
}

extension LinkTarget {
  /// The same for whoever goes through a group.
  fileprivate var kind: HDF5Entry<StructureObject>.Target {
    switch self {
    case .object(let address): .object(address: address)
    case .soft(let target): .link(.softLink(target: target))
    case .external(let file, let path): .link(.externalLink(file: file, target: path))
    case .other: .link(.other)
    }
  }
}
