import CFlywheelHDF5
import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Groups of every form and size, made by libhdf5.
@Suite("Links of HDF5 groups")
struct GroupLinksTests {
  /// A group that libhdf5 makes.
  struct Form: Sendable, CustomTestStringConvertible {
    let format: MadeFile.Format
    var tracksOrder = false
    var isIndexed = false
    /// How many bytes names have at least.
    var nameByteCount = 0
    /// Deflates the blocks of the heap.
    var isFiltered = false

    var testDescription: String {
      "\(format.rawValue)\(tracksOrder ? ", in order" : "")\(isIndexed ? ", indexed" : "")"
        + "\(isFiltered ? ", filtered" : "")\(nameByteCount > 0 ? ", long names" : "")"
    }

    static let all = [
      Form(format: .oldest), Form(format: .newest), Form(format: .newest, tracksOrder: true),
      Form(format: .newest, tracksOrder: true, isIndexed: true),
      Form(format: .newest, tracksOrder: true, isFiltered: true),
    ]

    /// Sets up the making of the group.
    func apply(to settings: hid_t) {
      if tracksOrder {
        // H5P_CRT_ORDER_TRACKED and H5P_CRT_ORDER_INDEXED, which Swift does not see
        H5Pset_link_creation_order(settings, isIndexed ? 3 : 1)
      }
      if isFiltered { precondition(H5Pset_deflate(settings, 6) >= 0) }
    }
  }

  /// Names in an order that is neither that of their bytes nor of their hashes.
  static func names(_ count: Int, byteCount: Int = 0) -> [String] {
    let filler = String(repeating: "n", count: byteCount)
    return (0..<count).map { "\(($0 &* 7919) % max(1, count))-\(filler)größe" }
  }

  static func fill(_ root: hid_t, _ names: [String], _ form: Form) {
    let target = MadeFile.addGroup("target", to: root)
    let group = MadeFile.addGroup("group", to: root) { form.apply(to: $0) }
    for (index, name) in names.enumerated() {
      let status =
        switch index % 10 {
        case 3: unsafe H5Lcreate_soft("/target/\(index)", group, name, 0, 0)
        case 7 where form.format == .newest:
          unsafe H5Lcreate_external("file\(index).h5", "/path", group, name, 0, 0)
        default: unsafe H5Lcreate_hard(root, "target", group, name, 0, 0)
        }
      precondition(status >= 0, "libhdf5 made no link \(name)")
    }
    H5Gclose(group)
    H5Gclose(target)
  }

  @Test(
    "Groups of any size have their links, in the order that they know",
    arguments: Form.all,
    [0, 1, 2, 8, 9, 17, 100, 1000, 20_000]
  )
  func sizes(form: Form, count: Int) throws {
    try check(form, Self.names(count))
  }

  @Test(
    "Heaps whose tables lie in tables have all links",
    arguments: Form.all.filter { $0.format == .newest }
  )
  func deep(form: Form) throws {
    try check(
      form,
      Self.names(3000, byteCount: 600),
      heap: { heap in
        guard case .indirect(_, let rowCount) = heap.root else {
          Issue.record("the heap has no table")
          return
        }
        #expect(rowCount > heap.table.directRowCount)
        #expect((heap.filters != nil) == form.isFiltered)
      }
    )
  }

  @Test("Links with names too large for a heap's blocks are read", arguments: Form.all.dropFirst())
  func huge(form: Form) throws {
    try check(
      form,
      Self.names(20, byteCount: 5000),
      heap: { heap in
        #expect(heap.hugeTreeAddress != nil)
      }
    )
  }

  @Test(
    "Files whose addresses and lengths have other sizes are read",
    arguments: Form.all,
    [(2, 2), (2, 4), (4, 2), (4, 4), (4, 8), (8, 4)] as [(Int, Int)]
  )
  func sizes(form: Form, sizes: (Int, Int)) throws {
    // libhdf5 itself cannot write heaps whose sizes do not fit two bytes.
    guard form.format == .oldest || sizes.1 > 2 else { return }
    try check(form, Self.names(40)) { settings in
      precondition(H5Pset_sizes(settings, sizes.0, sizes.1) >= 0)
    }
  }

  private func check(
    _ form: Form,
    _ names: [String],
    settings: (hid_t) -> Void = { _ in },
    heap: (FractalHeapHeader) throws -> Void = { _ in }
  ) throws {
    let structure = try MadeFile.structure(form.format, settings: settings) {
      Self.fill($0, names, form)
    }
    let header = try MadeFile.header("group", in: structure)
    let target = try MadeFile.header("target", in: structure).address
    if let message = header.first(.linkInfo) {
      let info = try LinkInfo(message.content(in: structure.image), in: structure.image)
      if let address = info.heapAddress {
        try heap(FractalHeapHeader(at: address, in: structure.image))
      }
    }
    let links = try GroupLinks.links(of: header, in: structure)
    let expected = names.enumerated().sorted { first, second in
      form.tracksOrder || first.element.utf8.lexicographicallyPrecedes(second.element.utf8)
    }
    try #require(links.count == names.count)
    for (link, (index, name)) in zip(links, form.tracksOrder ? Array(names.enumerated()) : expected)
    {
      #expect(link.name == name)
      #expect(link.order == (form.tracksOrder ? UInt64(index) : nil))
      switch index % 10 {
      case 3: #expect(link.target == .soft("/target/\(index)"))
      case 7 where form.format == .newest:
        #expect(link.target == .external(file: "file\(index).h5", path: "/path"))
      default: #expect(link.target == .object(address: target))
      }
    }
  }
}
