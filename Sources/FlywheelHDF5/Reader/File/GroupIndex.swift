/// The links of a group, in its order, and to be found by their names.
final class GroupIndex: Sendable {
  /// The links.
  let links: [LinkMessage]

  private let targets: [ByteName: LinkTarget]

  /// Sorts links in; each has a name of its own.
  init(_ links: [LinkMessage]) {
    var targets = [ByteName: LinkTarget](minimumCapacity: links.count)
    for link in links { targets[ByteName(text: link.name)] = link.target }
    self.links = links
    self.targets = targets
  }

  /// Where the link of a name leads; nil if there is none.
  subscript(name: String) -> LinkTarget? { targets[ByteName(text: name)] }
}
