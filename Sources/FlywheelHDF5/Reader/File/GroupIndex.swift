internal import Synchronization

/// The links of a group, in its order, and to be found by their names.
final class GroupIndex: Sendable {
  /// The links.
  let links: [LinkMessage]

  /// Where the links lead, once one was looked for: a list of all needs no names.
  private let targets = Mutex<[ByteName: LinkTarget]?>(nil)

  /// About how much memory the links take.
  let byteCount: Int

  /// What a link takes besides its texts: in the list, and to be found.
  private static let linkByteCount =
    MemoryLayout<LinkMessage>.stride + MemoryLayout<(ByteName, LinkTarget)>.stride

  /// Takes links; each has a name of its own.
  init(_ links: [LinkMessage]) {
    byteCount = links.reduce(links.count * Self.linkByteCount) { sum, link in
      sum + link.name.utf8.count + link.target.textByteCount
    }
    self.links = links
  }

  /// Where the link of a name leads; nil if there is none.
  subscript(name: String) -> LinkTarget? {
    targets.withLock { known in
      if let known { return known[ByteName(text: name)] }
      var targets = [ByteName: LinkTarget](minimumCapacity: links.count)
      for link in links { targets[ByteName(text: link.name)] = link.target }
      known = targets
      return targets[ByteName(text: name)]
    }
  }
}
