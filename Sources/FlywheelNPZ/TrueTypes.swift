import FlywheelCore
import OrderedCollections
import Synchronization

/// The true types of elements that numpy only has as bytes without a meaning.
///
/// numpy writes `bfloat16` as `<V2` and the 8-bit floats as `<V1`. Flywheel's document, the array of UTF-8
/// bytes under `flywheel.metadata`, says in `tensors` what each is.
final class TrueTypes: Sendable {
  static let documentKey = "flywheel.metadata"

  private let dtypes = Mutex<[String: DType]?>(nil)

  /// The true type of an array's elements, if it is another than its header says.
  ///
  /// - Parameters:
  ///   - key: The array's name.
  ///   - header: Its header.
  ///   - reader: Where the document is; it is read at most once.
  /// - Returns: The type; nil if the header's is the only one that is known.
  func element(
    of key: String,
    _ header: NPYHeader,
    in reader: any ArchiveReader
  ) -> ElementType? {
    // The document describes itself to nobody.
    guard key != Self.documentKey, case .opaque(let type) = header.array.element,
      ["<V1", "|V1", "<V2", "|V2"].contains(type.name)
    else { return nil }
    let dtype = dtypes.withLock { dtypes in
      // Damage in it is for those to tell who need the rest of it.
      let known = dtypes ?? Self.dtypes(in: Self.document(in: reader))
      dtypes = known
      return known[key]
    }
    guard let dtype, dtype.byteCount == type.byteCount else { return nil }
    return .number(dtype)
  }

  /// The document; nil if there is none, or if it is longer than Flywheel reads, since parsed it takes many
  /// times as much memory.
  private static func document(in reader: any ArchiveReader) -> Tensor? {
    guard let member = try? reader.member(documentKey),
      case .array(let description) = member.content, description.byteCount <= 64 << 20
    else { return nil }
    return try? reader.tensor(documentKey)
  }

  private static func dtypes(in document: Tensor?) -> [String: DType] {
    guard let document, document.dtype == .uint8,
      case .object(let root)? = try? JSONValue(parsing: document.bytes),
      case .object(let tensors)? = root["tensors"]
    else { return [:] }
    var dtypes: [String: DType] = [:]
    for (key, value) in tensors {
      guard case .object(let entry) = value, case .string(let name)? = entry["dtype"] else {
        continue
      }
      // Only these have no name of their own in numpy.
      switch DType(rawValue: name) {
      case let dtype? where [.bfloat16, .float8E4M3FN, .float8E5M2].contains(dtype):
        dtypes[key] = dtype
      default: continue
      }
    }
    return dtypes
  }
}
