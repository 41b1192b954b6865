internal import FlywheelCore

/// The links of a group, however it keeps them.
///
/// Format specification, sections IV.A.2.c (link info), IV.A.2.g (link) and IV.A.2.r (symbol table).
enum GroupLinks {
  /// Reads the links of a group.
  ///
  /// - Parameters:
  ///   - header: The group.
  ///   - structure: The file.
  /// - Throws: `malformed` if this is no group, or two links have one name; `truncated`, `corrupted` or
  ///   `malformed` if a structure is damaged.
  /// - Returns: The links, in the order in which they were added if the group knows it, else in the order of
  ///   their names' bytes.
  static func links(
    of header: ObjectHeader,
    in structure: FileStructure
  ) throws(FlywheelError) -> [LinkMessage] {
    let image = structure.image
    if let message = header.first(.linkInfo) {
      let info = try LinkInfo(message.content(in: image), in: image)
      let links =
        info.heapAddress == nil
        ? try compactLinks(of: header, in: image) : try denseLinks(info, header, in: image)
      return try ordered(links, of: header, byOrder: info.tracksOrder, in: image)
    }
    if let message = header.first(.symbolTable) {
      let table = try SymbolTableMessage(message.content(in: image), in: image)
      let links = try symbolTableLinks(table, in: image)
      return try ordered(links, of: header, byOrder: false, in: image)
    }
    throw damage("an object without links", expected: "a group", header, image)
  }

  /// The links that lie in the header itself.
  private static func compactLinks(
    of header: ObjectHeader,
    in image: FileImage
  ) throws(FlywheelError) -> [LinkMessage] {
    var links: [LinkMessage] = []
    for message in header.messages where message.kind == .link {
      links.append(try LinkMessage(message.content(in: image), in: image))
    }
    return links
  }

  /// The links that lie in a fractal heap.
  private static func denseLinks(
    _ info: LinkInfo,
    _ header: ObjectHeader,
    in image: FileImage
  ) throws(FlywheelError) -> [LinkMessage] {
    guard let heapAddress = info.heapAddress, let indexAddress = info.nameIndexAddress else {
      throw damage("a heap of links without an index", expected: "both", header, image)
    }
    let index = try BTree2(at: indexAddress, in: image)
    try index.require(.linkName, at: indexAddress)
    var objects = HeapObjects(of: try FractalHeap(at: heapAddress, in: image))
    var links: [LinkMessage] = []
    try index.forEachRecord { (record) throws(FlywheelError) in
      let place = record.place
      let hash = try record.uint32("the hash of a link's name")
      let link = try LinkMessage(try objects.take(index.rest(of: record)), in: image)
      // The name is a local value, and its bytes are only read.
      let found = unsafe MetadataChecksum.checksum(link.name.utf8Span.span.bytes)
      guard found == hash else {
        throw record.malformed("another link's hash", expected: "that of its name", at: place)
      }
      links.append(link)
    }
    return links
  }

  /// The links of a group as old files have them.
  private static func symbolTableLinks(
    _ table: SymbolTableMessage,
    in image: FileImage
  ) throws(FlywheelError) -> [LinkMessage] {
    var heap = try LocalHeap(at: table.heapAddress, in: image)
    var tree = GroupTree(in: image)
    var links: [LinkMessage] = []
    try tree.forEachEntry(at: table.treeAddress) { (entry) throws(FlywheelError) in
      let nameBytes = try heap.takeText(at: entry.nameOffset, saidAt: entry.place)
      var name = FieldReader(nameBytes, in: image)
      let link = LinkMessage(
        name: try name.name(UInt64(nameBytes.count), "a link's name"),
        target: try target(of: entry, &heap, in: image),
        order: nil
      )
      links.append(link)
    }
    return links
  }

  private static func target(
    of entry: SymbolTableEntry,
    _ heap: inout LocalHeap,
    in image: FileImage
  ) throws(FlywheelError) -> LinkTarget {
    switch entry.target {
    case .object(let address): return .object(address: address)
    case .soft(let offset):
      let pathBytes = try heap.takeText(at: offset, saidAt: entry.place)
      var path = FieldReader(pathBytes, in: image)
      return .soft(try path.shownText(pathBytes.count, "a link's target"))
    }
  }

  /// Puts links in order, and holds their names against each other.
  private static func ordered(
    _ links: [LinkMessage],
    of header: ObjectHeader,
    byOrder: Bool,
    in image: FileImage
  ) throws(FlywheelError) -> [LinkMessage] {
    let names = NameOrder(links.map(\.name))
    guard !names.hasPath else {
      throw damage("a link's name that is a path", expected: "a name", header, image)
    }
    if let duplicate = names.duplicate {
      let name = FlywheelError.oneLine(links[duplicate].name)
      throw damage("two links '\(name)' in a group", expected: "one", header, image)
    }
    let indices = byOrder ? inOrder(names.indices, links) : names.indices
    return indices.map { links[$0] }
  }

  /// Sorts indices of links by when the links were added; those of one time, which no program writes, stay
  /// as they are.
  private static func inOrder(_ indices: [Int], _ links: [LinkMessage]) -> [Int] {
    var times = indices.indices.map { (order: links[indices[$0]].order ?? .max, place: $0) }
    times.sort { $0.order != $1.order ? $0.order < $1.order : $0.place < $1.place }
    return times.map { indices[$0.place] }
  }

  private static func damage(
    _ found: String,
    expected: String,
    _ header: ObjectHeader,
    _ image: FileImage
  ) -> FlywheelError {
    .malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: image.place(of: header.address))
    )
  }
}
