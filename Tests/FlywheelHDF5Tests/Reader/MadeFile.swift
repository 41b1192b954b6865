import CFlywheelHDF5
import FlywheelCore
import FlywheelTestSupport
import SystemPackage

@testable import FlywheelHDF5

/// A file made by libhdf5 with any settings, for the reader to read.
enum MadeFile {
  /// What libhdf5 may write.
  enum Format: String, Sendable, CaseIterable {
    /// Symbol tables and headers of version 1.
    case oldest
    /// Links in headers and heaps.
    case newest

    fileprivate var version: H5F_libver_t {
      self == .oldest ? H5F_LIBVER_EARLIEST : H5F_LIBVER_V110
    }
  }

  /// Writes a file with changed settings, fills it from its root, and opens it for the reader.
  static func structure(
    _ format: Format,
    settings: (hid_t) -> Void = { _ in },
    _ fill: (hid_t) -> Void
  ) throws -> FileStructure {
    try FileStructure(of: try Tensor(vector: bytes(format, settings: settings, fill)).storage)
  }

  /// The bytes of a file.
  static func bytes(
    _ format: Format,
    settings: (hid_t) -> Void = { _ in },
    _ fill: (hid_t) -> Void
  ) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let path = directory.path.appending("made.h5")
    fw_h5_enter()
    defer { fw_h5_leave() }
    let truncate: CUnsignedInt = 2  // H5F_ACC_TRUNC, which Swift does not see
    // Settings are taken from a file, as Swift does not see the classes that make them.
    let first = unsafe H5Fcreate(path.string, truncate, 0, 0)
    let (creation, access) = (H5Fget_create_plist(first), H5Fget_access_plist(first))
    H5Fclose(first)
    precondition(H5Pset_libver_bounds(access, format.version, H5F_LIBVER_V110) >= 0)
    settings(creation)
    let file = unsafe H5Fcreate(path.string, truncate, creation, access)
    precondition(file >= 0, "libhdf5 made no file")
    let root = unsafe H5Gopen2(file, "/", 0)
    fill(root)
    H5Gclose(root)
    H5Pclose(creation)
    H5Pclose(access)
    precondition(H5Fclose(file) >= 0, "libhdf5 did not close the file")
    return try directory.read("made.h5")
  }

  /// Makes a group, with settings if there are any.
  static func addGroup(
    _ name: String,
    to parent: hid_t,
    settings: (hid_t) -> Void = { _ in }
  ) -> hid_t {
    let plain = unsafe H5Gcreate2(parent, name, 0, 0, 0)
    let creation = H5Gget_create_plist(plain)
    H5Gclose(plain)
    unsafe H5Ldelete(parent, name, 0)
    settings(creation)
    let group = unsafe H5Gcreate2(parent, name, 0, creation, 0)
    precondition(group >= 0, "libhdf5 made no group \(name)")
    H5Pclose(creation)
    return group
  }

  /// Adds an attribute of bytes.
  static func addAttribute(_ name: String, _ bytes: [UInt8], to object: hid_t) {
    var extent = hsize_t(bytes.count)
    let space = unsafe H5Screate_simple(1, &extent, nil)
    let type = HDF5Library.type(of: .uint8, isBigEndian: false)
    let attribute = unsafe H5Acreate2(object, name, type, space, 0, 0)
    precondition(unsafe H5Awrite(attribute, type, bytes) >= 0, "libhdf5 wrote no attribute \(name)")
    H5Aclose(attribute)
    H5Sclose(space)
  }

  /// The header of a group in the root.
  static func header(
    _ name: String,
    in structure: FileStructure
  ) throws -> ObjectHeader {
    let root = try ObjectHeader(at: structure.superblock.rootAddress, in: structure.image)
    let links = try GroupLinks.links(of: root, in: structure)
    for link in links where link.name == name {
      if case .object(let address) = link.target {
        return try ObjectHeader(at: address, in: structure.image)
      }
    }
    throw FlywheelError(.notFound, "no group \(name)")
  }
}
