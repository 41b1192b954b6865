import CFlywheelHDF5
import FlywheelCore
import Testing

@testable import FlywheelHDF5

/// Objects with attributes in every place, made by libhdf5.
@Suite("Attributes of HDF5 objects")
struct ObjectAttributesTests {
  /// How an object keeps its attributes.
  struct Form: Sendable, CustomTestStringConvertible {
    let format: MadeFile.Format
    var tracksOrder = false
    /// Attributes lie in the heap that objects share, where they can.
    var isShared = false

    var testDescription: String {
      "\(format.rawValue)\(tracksOrder ? ", in order" : "")\(isShared ? ", shared" : "")"
    }

    static let all = [
      Form(format: .oldest), Form(format: .newest), Form(format: .newest, tracksOrder: true),
      Form(format: .newest, isShared: true),
      Form(format: .newest, tracksOrder: true, isShared: true),
    ]

    /// Sets up the making of the file.
    func applyToFile(_ settings: hid_t) {
      guard isShared else { return }
      let (attributes, types, spaces): (CUnsignedInt, CUnsignedInt, CUnsignedInt) = (0x1000, 8, 2)
      precondition(H5Pset_shared_mesg_nindexes(settings, 2) >= 0)
      precondition(H5Pset_shared_mesg_index(settings, 0, attributes, 1) >= 0)
      precondition(H5Pset_shared_mesg_index(settings, 1, types | spaces, 1) >= 0)
    }

    /// Sets up the making of the object.
    func applyToObject(_ settings: hid_t) {
      // H5P_CRT_ORDER_TRACKED and H5P_CRT_ORDER_INDEXED, which Swift does not see
      if tracksOrder { H5Pset_attr_creation_order(settings, 3) }
    }
  }

  /// The elements of an attribute.
  static func elements(_ index: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ index) }
  }

  @Test("Objects have all their attributes", arguments: Form.all, [0, 1, 8, 9, 300])
  func counts(form: Form, count: Int) throws {
    try check(form, count: count, byteCount: 5)
  }

  @Test("Attributes larger than a header can hold are read", arguments: Form.all.dropFirst())
  func huge(form: Form) throws {
    try check(form, count: 4, byteCount: 100_000)
    try check(form, count: 12, byteCount: 70_000)
  }

  @Test("Attributes fill heaps whose tables lie in tables", arguments: Form.all.dropFirst())
  func deep(form: Form) throws {
    try check(form, count: 1500, byteCount: 1000)
  }

  @Test("Two objects with the same attributes share them", arguments: Form.all)
  func twins(form: Form) throws {
    let structure = try MadeFile.structure(form.format, settings: form.applyToFile) { root in
      for name in ["first", "second"] {
        let group = MadeFile.addGroup(name, to: root, settings: form.applyToObject)
        for index in 0..<20 {
          MadeFile.addAttribute("a\(index)", Self.elements(index, 100), to: group)
        }
        H5Gclose(group)
      }
    }
    for name in ["first", "second"] {
      let header = try MadeFile.header(name, in: structure)
      let attributes = try ObjectAttributes.attributes(of: header, in: structure)
      #expect(attributes.count == 20)
      for attribute in attributes {
        let index = try #require(Int(attribute.name.dropFirst()))
        #expect(Self.bytes(attribute.data) == Self.elements(index, 100))
      }
    }
    #expect((structure.sharedMessages != nil) == form.isShared)
  }

  private func check(_ form: Form, count: Int, byteCount: Int) throws {
    let names = GroupLinksTests.names(count)
    let structure = try MadeFile.structure(form.format, settings: form.applyToFile) { root in
      let group = MadeFile.addGroup("group", to: root, settings: form.applyToObject)
      for (index, name) in names.enumerated() {
        MadeFile.addAttribute(name, Self.elements(index, byteCount), to: group)
      }
      H5Gclose(group)
    }
    let header = try MadeFile.header("group", in: structure)
    let attributes = try ObjectAttributes.attributes(of: header, in: structure)
    try #require(attributes.count == count)
    let expected = names.enumerated().sorted {
      $0.element.utf8.lexicographicallyPrecedes($1.element.utf8)
    }
    for (attribute, (index, name)) in zip(attributes, expected) {
      #expect(attribute.name == name)
      #expect(attribute.datatype.byteCount == 1)
      #expect(attribute.dataspace.shape?.extents == [byteCount])
      #expect(Self.bytes(attribute.data) == Self.elements(index, byteCount))
    }
  }

  static func bytes(_ stored: StoredBytes) -> [UInt8] {
    unsafe stored.span.withUnsafeBytes { unsafe [UInt8]($0) }
  }
}
