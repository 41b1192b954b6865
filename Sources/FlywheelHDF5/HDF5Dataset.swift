internal import CFlywheelHDF5
public import FlywheelCore

/// What is known about a dataset without reading its elements.
public struct HDF5Dataset: Sendable, Hashable {
  /// Where it is, from the root, without the slash in front.
  let key: String
  /// The type of its elements; nil if Flywheel does not read it.
  public let element: ElementType?
  /// The type in words, for example "float32" or "text of 7 bytes".
  public let typeDescription: String
  /// The byte order in the file.
  public let isBigEndian: Bool
  /// Its extents.
  public let shape: Shape
  /// How its bytes lie in the file.
  public let storage: Storage

  /// Where it is, from the root.
  public var path: String { "/" + key }

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
    /// A newer HDF5 wrote it than its reader knows; its shape is not known either.
    case unknown
  }

  /// A filter that chunks go through, with its number in the registry of the HDF Group.
  public struct Filter: Sendable, Hashable, CustomStringConvertible {
    /// The number.
    public let id: Int

    /// That of h5py, which libhdf5 does not have.
    static let lzf = Filter(id: 32_000)

    /// Whether Flywheel reads it.
    public var isSupported: Bool { (1...3).contains(id) || self == .lzf }

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
  /// The type of its elements if they are numbers; nil if they are not.
  public var dtype: DType? { element?.dtype }

  /// Whether its chunks go through filters.
  var isFiltered: Bool {
    if case .chunked(_, let filters) = storage { !filters.isEmpty } else { false }
  }

  /// Says what libhdf5 found.
  ///
  /// - Parameters:
  ///   - description: What it found.
  ///   - element: The type of the elements; nil if they are none that Flywheel reads.
  ///   - place: Where the dataset is.
  /// - Throws: `limitExceeded` if the extents overflow.
  init(
    _ description: fw_h5_description,
    _ element: ElementType?,
    at place: HDF5Path
  ) throws(FlywheelError) {
    var description = description
    shape = try Self.shape(of: description)
    key = place.key
    self.element = element
    typeDescription = element?.dtype?.rawValue ?? Self.typeDescription(of: description)
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

  /// A dataset that its reader, such as libhdf5 1.10.8, is too old for.
  init(unknownAt place: HDF5Path, to reader: String) {
    key = place.key
    element = nil
    typeDescription = "something that \(reader) is too old for"
    isBigEndian = false
    shape = .scalar
    storage = .unknown
  }

  /// The extents of a dataset or an attribute.
  static func shape(of description: fw_h5_description) throws(FlywheelError) -> Shape {
    var description = description
    return try Shape(integers(&description.extents, max(0, Int(description.rank))))
  }

  /// The first numbers of an array in C, which Swift sees as a tuple of `UInt64`.
  private static func integers<Tuple>(_ tuple: inout Tuple, _ count: Int) -> [Int] {
    unsafe withUnsafeBytes(of: &tuple) { bytes in
      unsafe bytes.bindMemory(to: UInt64.self).prefix(count).map { Int(clamping: $0) }
    }
  }

  /// Throws, with the reason by name, if the elements are not in this file or behind other filters.
  func checkStorage() throws(FlywheelError) {
    let obstacle: String? =
      switch storage {
      case .external:
        "keeps its elements in other files (external storage); 'h5repack -l CONTI' brings them in"
      case .virtual:
        "is virtual: its elements are in other datasets; 'h5repack -l CONTI' brings them in"
      case .none: "is empty by declaration (a null dataspace); there is nothing to read"
      case .unknown:
        "was written by a newer HDF5 than its reader knows; write it with h5py.File(…, "
          + "libver=('earliest', 'v110'))"
      case .chunked(_, let filters):
        filters.first { !$0.isSupported }.map {
          "went through the filter \($0); Flywheel reads gzip, shuffle, fletcher32 and lzf: repack "
            + "it with 'h5repack -f GZIP=4'"
        }
      case .contiguous, .compact: nil
      }
    if let obstacle { throw FlywheelError(.unsupported, "The dataset \(obstacle).") }
  }

  /// The type of the elements if they are numbers that can be read, and the reason by name if not.
  func readableType() throws(FlywheelError) -> DType {
    try checkStorage()
    guard let dtype else { throw unreadable }
    return dtype
  }

  /// The type of the elements if they can be read or carried, and the reason by name if not.
  func readableElement() throws(FlywheelError) -> ElementType {
    try checkStorage()
    guard let element else { throw unreadable }
    return element
  }

  private var unreadable: FlywheelError {
    let known = DType.allCases.map(\.rawValue).joined(separator: ", ")
    return FlywheelError(
      .unsupported,
      "The dataset holds \(typeDescription); Flywheel reads \(known). Convert it to one of them."
    )
  }

  /// How many bytes its elements have in memory; nil if they are not read.
  var byteCount: Int? {
    guard let element = try? readableElement() else { return nil }
    return try? TensorDescription(element: element, shape: shape).byteCount
  }

  /// Whether its elements lie in the file in one piece.
  var isPiece: Bool {
    guard case .contiguous(.some) = storage else { return false }
    return true
  }

  /// The shape of the chunks that it is stored in; nil if it is not.
  var chunk: [Int]? {
    guard case .chunked(let chunk, _) = storage else { return nil }
    return chunk
  }

  /// Whether the extents are known, and there are some.
  var isShapeKnown: Bool {
    switch storage {
    case .none, .virtual, .unknown: false
    case .contiguous, .chunked, .compact, .external: true
    }
  }

  /// How the bytes lie in the file, for people; empty if they lie there as they are.
  var storageDescription: String {
    switch storage {
    case .contiguous, .none, .unknown: return ""
    case .compact: return "compact"
    case .external: return "in other files"
    case .virtual: return "virtual"
    case .chunked(let chunk, let filters):
      let extents = chunk.map(String.init).joined(separator: ", ")
      return (["chunks of (\(extents)\(chunk.count == 1 ? "," : ""))"] + filters.map(\.description))
        .joined(separator: ", ")
    }
  }

  static func typeDescription(of description: fw_h5_description) -> String {
    let size = "of \(description.type_byte_count) bytes"
    return switch description.type_class {
    case H5T_INTEGER: "an unusual integer \(size)"
    case H5T_FLOAT:
      "an unusual floating-point number \(size): \(description.precision) bits, of them "
        + "\(description.exponent_bits) of exponent and \(description.mantissa_bits) of mantissa, "
        + "bias \(description.exponent_bias)"
    case H5T_TIME: "a time"
    case H5T_STRING: description.is_variable_text != 0 ? "text of variable length" : "text \(size)"
    case H5T_BITFIELD: "a bit field \(size)"
    case H5T_OPAQUE: "opaque bytes, \(size)"
    case H5T_COMPOUND: "a compound type \(size)"
    case H5T_REFERENCE: "a reference"
    case H5T_ENUM: "an enumeration \(size), other than h5py's bool"
    case H5T_VLEN: "sequences of variable length"
    case H5T_ARRAY: "an array type \(size)"
    default: "an unknown type"
    }
  }
}
