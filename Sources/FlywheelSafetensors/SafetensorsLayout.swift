import FlywheelCore
import OrderedCollections

/// Where everything lies in a safetensors file that is to be written, and its header.
///
/// Tensors are in the order of the format's own library: those of the largest elements first, and equal ones by
/// name. The header is filled up with spaces to a multiple of 8 bytes, so that every tensor is aligned.
struct SafetensorsLayout {
  /// What is written where.
  struct Place {
    let description: TensorDescription
    /// Where in the file its bytes lie.
    let range: Range<Int>
  }

  /// The front of the file, up to the first tensor.
  let front: [UInt8]
  /// The tensors, in the order of their bytes.
  let places: OrderedDictionary<String, Place>
  /// The bytes of all tensors.
  let dataByteCount: Int

  /// Lays out a file.
  ///
  /// - Parameters:
  ///   - arrays: All arrays, by name.
  ///   - metadata: Texts by name, which belong to the whole file.
  /// - Throws: `unsupported` if the format has no name for a type, or the header would be longer than readers take;
  ///   `limitExceeded` if the sizes overflow.
  init(
    _ arrays: OrderedDictionary<String, TensorDescription>,
    metadata: OrderedDictionary<String, String>
  ) throws(FlywheelError) {
    var typed: [(key: String, type: SafetensorsType, array: TensorDescription)] = []
    typed.reserveCapacity(arrays.count)
    for (key, array) in arrays { typed.append((key, try Self.type(of: array, key), array)) }
    let ranks = Dictionary(
      uniqueKeysWithValues: SafetensorsType.allCases.enumerated().map { ($1, $0) }
    )
    typed.sort { left, right in
      guard left.type == right.type else {
        return (ranks[left.type] ?? 0) > (ranks[right.type] ?? 0)
      }
      return left.key.utf8.lexicographicallyPrecedes(right.key.utf8)
    }
    var end = 0
    var header = HeaderText()
    header.append(metadata)
    for (key, type, array) in typed {
      let (next, overflow) = end.addingReportingOverflow(array.byteCount)
      guard !overflow else { throw FlywheelError.overflow("the file") }
      header.append(key, type, array.shape, end, next)
      end = next
    }
    front = header.finished()
    dataByteCount = end
    guard front.count <= SafetensorsHeader.byteLimit else {
      throw FlywheelError(
        .unsupported,
        "The header would have \(front.count) bytes, and readers take at most \(SafetensorsHeader.byteLimit); "
          + "leave tensors out, or write .npz or .h5."
      )
    }
    var places: OrderedDictionary<String, Place> = [:]
    places.reserveCapacity(typed.count)
    var begin = front.count
    for (key, _, array) in typed {
      let (next, overflow) = begin.addingReportingOverflow(array.byteCount)
      guard !overflow else { throw FlywheelError.overflow("the file") }
      places[key] = Place(description: array, range: begin..<next)
      begin = next
    }
    self.places = places
  }

  /// The type of an array's elements.
  ///
  /// - Throws: `unsupported` if the format has no name for it, or none for the array.
  static func type(
    of array: TensorDescription,
    _ key: String
  ) throws(FlywheelError) -> SafetensorsType {
    guard key != SafetensorsHeader.metadataName else {
      throw FlywheelError(
        .unsupported,
        "In a safetensors file '\(key)' is the name of what is no tensor; rename the array.",
        at: .init(tensor: key)
      )
    }
    guard let type = SafetensorsType(array.element) else {
      throw FlywheelError(
        .unsupported,
        "A safetensors file has no name for elements of type \(array.element); convert them, or write .npz or "
          + ".h5.",
        at: .init(tensor: key)
      )
    }
    return type
  }

  /// The texts that belong to the whole file.
  static func texts(of metadata: ArchiveMetadata) -> OrderedDictionary<String, String> {
    (metadata.attributes[""] ?? [:])
      .compactMapValues { value in
        guard case .string(let text) = value else { return nil }
        return text
      }
  }

  /// Whether there is nothing but texts that belong to the whole file.
  static func hasRoom(for metadata: ArchiveMetadata) -> Bool {
    metadata.emptyGroups.isEmpty
      && metadata.attributes.allSatisfy { owner, values in
        values.isEmpty || owner.isEmpty && values.count == texts(of: metadata).count
      }
  }
}

/// The JSON of a header, as the format's own library writes it.
private struct HeaderText {
  private var bytes = [UInt8](repeating: 0, count: SafetensorsHeader.lengthByteCount)

  init() { append("{") }

  mutating func append(_ metadata: OrderedDictionary<String, String>) {
    guard !metadata.isEmpty else { return }
    begin(SafetensorsHeader.metadataName)
    bytes += JSONValue.object(metadata.mapValues { .string($0) }).canonicalBytes
  }

  mutating func append(
    _ key: String,
    _ type: SafetensorsType,
    _ shape: Shape,
    _ begin: Int,
    _ end: Int
  ) {
    self.begin(key)
    append("{\"dtype\":\"\(type.rawValue)\",\"shape\":[")
    for (axis, extent) in shape.extents.enumerated() {
      if axis > 0 { append(",") }
      append(String(extent))
    }
    append("],\"data_offsets\":[\(begin),\(end)]}")
  }

  /// The header, filled up, behind its length.
  consuming func finished() -> [UInt8] {
    append("}")
    while !bytes.count.isMultiple(of: 8) { append(" ") }
    let length = UInt64(bytes.count - SafetensorsHeader.lengthByteCount)
    for place in 0..<SafetensorsHeader.lengthByteCount {
      bytes[place] = UInt8(truncatingIfNeeded: length >> (8 * UInt64(place)))
    }
    return bytes
  }

  private mutating func begin(_ name: String) {
    if bytes.count > SafetensorsHeader.lengthByteCount + 1 { append(",") }
    bytes += JSONValue.string(name).canonicalBytes
    append(":")
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}
