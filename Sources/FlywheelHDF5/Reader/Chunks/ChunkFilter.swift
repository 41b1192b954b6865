internal import FlywheelCore
internal import FlywheelDeflate

/// A filter that chunks went through, as what undoes it.
enum ChunkFilter: Sendable, Hashable {
  /// zlib's compression, filter 1.
  case deflate
  /// The bytes of elements of a size by their place, filter 2.
  case shuffle(elementByteCount: Int)
  /// A checksum after the bytes, filter 3.
  case fletcher32
  /// h5py's compression, filter 32000.
  case lzf
  /// Another one, in words.
  case unknown(String)

  /// Knows a filter of a pipeline.
  ///
  /// - Parameter filter: What the file says about it.
  /// - Throws: `malformed` if it is set to what cannot be.
  init(_ filter: PipelineFilter) throws(FlywheelError) {
    switch filter.id {
    case 1: self = .deflate
    case 2:
      if let size = filter.values.first, let size = Int(exactly: size), size > 0 {
        self = .shuffle(elementByteCount: size)
      } else if filter.isOptional {
        // Of texts of variable length, whose chunks leave it out.
        self = .unknown("shuffle without the size of an element")
      } else {
        throw FlywheelError.malformed(
          found: "a shuffle filter that is set to \(filter.values)",
          expected: "the size of an element"
        )
      }
    case 3: self = .fletcher32
    case 32_000: self = .lzf
    default: self = .unknown(HDF5Dataset.Filter(id: filter.id).description)
    }
  }

  /// How many bytes come out of the filter when so many are written; nil if that depends on the bytes.
  func byteCount(of byteCount: Int) -> Int? {
    switch self {
    case .shuffle: return byteCount
    case .fletcher32:
      let (sum, overflow) = byteCount.addingReportingOverflow(ChunkFilter.checksumByteCount)
      return overflow ? nil : sum
    case .deflate, .lzf, .unknown: return nil
    }
  }

  /// The size of the checksum that Fletcher's filter adds.
  static let checksumByteCount = 4

  /// The most bytes that one compressed byte can stand for; nil if it does not compress.
  var maximumExpansion: Int? {
    switch self {
    case .deflate: Inflate.maximumExpansion
    case .lzf: LZF.maximumExpansion
    case .shuffle, .fletcher32, .unknown: nil
    }
  }

  /// The error that a filter is not read.
  ///
  /// - Parameters:
  ///   - name: The filter.
  ///   - what: What went through it.
  /// - Returns: The error.
  static func unsupported(_ name: String, _ what: String) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "\(what) went through the filter \(name); Flywheel reads gzip, shuffle, fletcher32 and lzf: repack it "
        + "with 'h5repack -f GZIP=4'."
    )
  }
}
