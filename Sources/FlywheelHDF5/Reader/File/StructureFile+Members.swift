internal import FlywheelCore

extension StructureFile {
  func members(of place: HDF5Path) throws(FlywheelError) -> [HDF5Member] {
    try entries(of: try object(at: place, .group), at: place).map(\.member)
  }

  func entries(
    of group: StructureObject,
    at place: HDF5Path
  ) throws(FlywheelError) -> [HDF5Entry<StructureObject>] {
    let links = try groupIndex(of: group).links
    var entries: [HDF5Entry<StructureObject>] = []
    entries.reserveCapacity(links.count)
    for link in links {
      do throws(FlywheelError) {
        entries.append(try entry(of: link))
      } catch {
        // Only here: the paths of all links of a group may be longer than the file by far.
        throw error.located(tensor: place.appending(link.name).description)
      }
    }
    return entries
  }

  private func entry(
    of link: LinkMessage
  ) throws(FlywheelError) -> HDF5Entry<StructureObject> {
    var object: StructureObject?
    let kind: HDF5Member.Kind
    switch link.target {
    case .object(let address):
      do throws(FlywheelError) {
        object = try self.object(at: address)
      } catch {
        guard error.code == .unsupported else { throw error }
      }
      kind = object?.kind ?? .other
    case .soft(let target): kind = .softLink(target: target)
    case .external(let file, let path): kind = .externalLink(file: file, target: path)
    case .other: kind = .other
    }
    return HDF5Entry(member: HDF5Member(name: link.name, kind: kind), object: object)
  }
}
