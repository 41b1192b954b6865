import CFlywheelHDF5
import FlywheelCore
import SystemPackage

@testable import FlywheelHDF5

/// A file made by libhdf5 itself, with its own defaults, as other programs make them.
struct ForeignFile: ~Copyable {
  let id: hid_t
  let path: FilePath

  /// Creates a file; the newest structures are those of libhdf5 1.10.
  init(_ path: FilePath, userBlock: UInt64 = 0, isNewest: Bool = false) {
    self.path = path
    fw_h5_enter()
    let truncate: CUnsignedInt = 2  // H5F_ACC_TRUNC, which Swift does not see
    var file = unsafe H5Fcreate(path.string, truncate, 0, 0)
    if userBlock > 0 {
      let properties = H5Fget_create_plist(file)
      H5Fclose(file)
      H5Pset_userblock(properties, userBlock)
      file = unsafe H5Fcreate(path.string, truncate, properties, 0)
      H5Pclose(properties)
    }
    if isNewest { H5Fset_libver_bounds(file, H5F_LIBVER_V110, H5F_LIBVER_V110) }
    id = file
  }

  deinit {
    H5Fclose(id)
    fw_h5_leave()
  }

  /// Adds a dataset; nothing is written without bytes, which are of `memoryType` or else of `type`.
  func add(
    _ name: String,
    _ type: hid_t,
    _ extents: [UInt64]?,
    _ bytes: [UInt8]? = nil,
    creation: hid_t = 0,
    memoryType: hid_t? = nil
  ) {
    let space =
      extents.map { unsafe H5Screate_simple(CInt($0.count), $0, nil) }
      ?? H5Screate(H5S_NULL)
    let dataset = unsafe H5Dcreate2(id, name, type, space, 0, creation, 0)
    precondition(dataset >= 0, "libhdf5 made no dataset \(name)")
    if let bytes {
      let status = unsafe H5Dwrite(dataset, memoryType ?? type, 0, 0, 0, bytes)
      precondition(status >= 0, "libhdf5 wrote no dataset \(name)")
    }
    H5Dclose(dataset)
    H5Sclose(space)
  }

  /// Adds a scalar attribute to the root.
  func addAttribute(_ name: String, _ type: hid_t, _ bytes: [UInt8]) {
    let space = H5Screate(H5S_SCALAR)
    let attribute = unsafe H5Acreate2(id, name, type, space, 0, 0)
    precondition(unsafe H5Awrite(attribute, type, bytes) >= 0, "libhdf5 wrote no attribute \(name)")
    H5Aclose(attribute)
    H5Sclose(space)
  }

  /// Adds an attribute that is a string of variable length, as h5py makes them.
  func addVariableString(_ name: String, _ text: String) {
    let type = fw_h5_new_string_type(-1)  // H5T_VARIABLE, which Swift does not see
    let space = H5Screate(H5S_SCALAR)
    let attribute = unsafe H5Acreate2(id, name, type, space, 0, 0)
    unsafe text.withCString { pointer in
      var pointer: UnsafePointer<CChar>? = unsafe pointer
      precondition(unsafe H5Awrite(attribute, type, &pointer) >= 0)
    }
    H5Aclose(attribute)
    H5Sclose(space)
    H5Tclose(type)
  }

  /// The type of elements in files that hold numbers as numbers, all of them.
  static func number(_ dtype: DType, isBigEndian: Bool = false) -> hid_t {
    let fields: (exponent: Int, mantissa: Int)
    switch dtype {
    case .bfloat16: fields = (8, 7)
    case .float8E4M3FN: fields = (4, 3)
    case .float8E5M2: fields = (5, 2)
    default: return HDF5Library.type(of: dtype, isBigEndian: isBigEndian)
    }
    let bits = 1 + fields.exponent + fields.mantissa
    let type = H5Tcopy(HDF5Library.type(of: .float32, isBigEndian: isBigEndian))
    H5Tset_fields(type, bits - 1, fields.mantissa, fields.exponent, 0, fields.mantissa)
    H5Tset_precision(type, bits)
    H5Tset_size(type, bits / 8)
    H5Tset_ebias(type, 1 << (fields.exponent - 1) - 1)
    return type
  }

  /// A 16-bit float as IEEE 754 has it, but for its bias.
  static var oddHalf: hid_t {
    let type = H5Tcopy(fw_h5_type(FW_H5_FLOAT16, 0))
    H5Tset_ebias(type, 16)
    return type
  }
}

extension HDF5File {
  /// Opens a file with a reader.
  init(opening path: FilePath, with reader: HDF5Implementation) throws(FlywheelError) {
    let bytes = TensorStorage(mapping: try MappedFile(path: path))
    try self.init(bytes, path: path, reader: reader)
  }
}
