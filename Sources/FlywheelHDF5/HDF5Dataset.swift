internal import CFlywheelHDF5
public import FlywheelCore
internal import SystemPackage

/// What is known about a dataset without reading its elements.
public struct HDF5Dataset: Sendable, Hashable {
  /// Where it is, from the root.
  public let path: String
  /// The type of its elements; nil if Flywheel does not read it.
  public let dtype: DType?
  /// The type in words, for example "float32" or "a string of 7 bytes".
  public let typeDescription: String
  /// The byte order in the file.
  public let isBigEndian: Bool
  /// Its extents.
  public let shape: Shape
  /// How its bytes lie in the file.
  public let storage: Storage

  /// How the bytes of a dataset lie in a file.
  public enum Storage: Sendable, Hashable {
    /// In one piece, from this offset; nil if nothing was ever written.
    case contiguous(byteOffset: UInt64?)
    /// In blocks of this shape, through these filters.
    case chunked([Int], filters: [Filter])
    /// Within the dataset's own header, so many bytes.
    case compact(byteCount: Int)
    /// In other files.
    case external
    /// In other datasets, maybe of other files.
    case virtual
    /// There are no elements, not even zero of them.
    case none
  }

  /// A filter that chunks go through, with its number in the registry of the HDF Group.
  public struct Filter: Sendable, Hashable, CustomStringConvertible {
    /// The number.
    public let id: Int

    /// Whether this library reads it without loading other code.
    public var isSupported: Bool { (1...3).contains(id) }

    /// The name, if it is well known, and the number.
    public var description: String {
      let names = [
        1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scaleoffset",
        32_000: "lzf", 32_001: "blosc", 32_004: "lz4", 32_008: "bitshuffle", 32_015: "zstd",
      ]
      return names[id].map { "\($0) (\(id))" } ?? "number \(id)"
    }
  }
}

extension HDF5Dataset {
  /// Looks at an open dataset; the caller holds the library's lock.
  init(
    describing handle: borrowing HDF5Handle,
    at place: HDF5Path,
    in file: FilePath
  ) throws(FlywheelError) {
    var description = fw_h5_description()
    guard unsafe fw_h5_describe(handle.id, &description) >= 0 else {
      throw HDF5Library.damage("a dataset", path: file, tensor: place.description)
    }
    let rank = max(0, Int(description.rank))
    shape = try Shape(Self.integers(&description.extents, rank))
    path = place.description
    dtype = Self.dtype(of: description)
    typeDescription = Self.typeDescription(of: description)
    isBigEndian = description.is_big_endian != 0
    let filterCount = Int(description.filter_count)
    storage =
      switch description.layout {
      case H5D_VIRTUAL: .virtual
      case _ where description.rank < 0: .none
      case H5D_CONTIGUOUS where description.has_external_files != 0: .external
      case H5D_CONTIGUOUS where description.byte_offset == .max: .contiguous(byteOffset: nil)
      case H5D_CONTIGUOUS: .contiguous(byteOffset: description.byte_offset)
      case H5D_CHUNKED:
        .chunked(
          Self.integers(&description.chunk, Int(description.chunk_rank)),
          filters: Self.integers(&description.filters, filterCount).map(Filter.init)
        )
      default: .compact(byteCount: Int(clamping: description.compact_byte_count))
      }
  }

  /// The first numbers of an array in C, which Swift sees as a tuple of `UInt64`.
  private static func integers<Tuple>(_ tuple: inout Tuple, _ count: Int) -> [Int] {
    unsafe withUnsafeBytes(of: &tuple) { bytes in
      unsafe bytes.bindMemory(to: UInt64.self).prefix(count).map { Int(clamping: $0) }
    }
  }

  /// The type of the elements if they can be read, and the reason by name if not.
  func readableType() throws(FlywheelError) -> DType {
    let obstacle: String? =
      switch storage {
      case .external: "keeps its elements in other files"
      case .virtual: "is virtual: its elements are in other datasets"
      case .none: "is empty by declaration (a null dataspace)"
      case .chunked(_, let filters):
        filters.first { !$0.isSupported }.map { "is compressed with the filter \($0)" }
      case .contiguous, .compact: nil
      }
    if let obstacle {
      throw FlywheelError(
        .unsupported,
        "The dataset \(obstacle); Flywheel reads datasets that are whole in one file, plain or "
          + "with gzip, shuffle and fletcher32. Rewrite it so, for example with h5repack."
      )
    }
    guard let dtype else {
      let known = DType.allCases.map(\.rawValue).joined(separator: ", ")
      throw FlywheelError(
        .unsupported,
        "The dataset holds \(typeDescription); Flywheel reads \(known). Convert it to one of them."
      )
    }
    return dtype
  }

  static func dtype(of description: fw_h5_description) -> DType? {
    switch (Unicode.Scalar(UInt8(bitPattern: description.kind)), description.type_byte_count) {
    case ("i", 1): .int8
    case ("i", 2): .int16
    case ("i", 4): .int32
    case ("i", 8): .int64
    case ("u", 1): .uint8
    case ("u", 2): .uint16
    case ("u", 4): .uint32
    case ("u", 8): .uint64
    case ("f", 4): .float32
    case ("f", 8): .float64
    default: nil
    }
  }

  static func typeDescription(of description: fw_h5_description) -> String {
    if let dtype = dtype(of: description) { return dtype.rawValue }
    let size = "of \(description.type_byte_count) bytes"
    return switch description.type_class {
    case H5T_INTEGER: "an unusual integer \(size)"
    case H5T_FLOAT: "a floating-point number \(size), which is not float32 or float64"
    case H5T_TIME: "a time"
    case H5T_STRING: "a string"
    case H5T_BITFIELD: "a bit field"
    case H5T_OPAQUE: "opaque bytes, \(size)"
    case H5T_COMPOUND: "a compound type \(size)"
    case H5T_REFERENCE: "a reference"
    case H5T_ENUM: "an enumeration \(size), as h5py writes bool"
    case H5T_VLEN: "sequences of variable length"
    case H5T_ARRAY: "an array type \(size)"
    default: "an unknown type"
    }
  }
}
