import FlywheelCore
import FlywheelSafetensors
import OrderedCollections
import SystemPackage

/// What holds for any bytes that are read as a safetensors file.
public enum SafetensorsLaws {
  /// Reads bytes as a file, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count)
    let storage = try bytes.storage()
    let file = try attempt { () throws(FlywheelError) in
      try SafetensorsFile(storage, path: "a.safetensors")
    }
    guard let file else { return }
    let places = try places(in: bytes)
    let members = try attempt { () throws(FlywheelError) in try file.members() }
    try BrokenLaw.unless(
      members.map { Set($0.map(\.key)) } == Set(places.keys),
      "the listing has other tensors than the header"
    )
    try checkCover(of: bytes, by: Array(places.values))
    try checkElements(of: file, attempt, places, bytes)
  }

  /// Where the header says that the tensors lie, read in another way than the reader's.
  private static func places(in bytes: [UInt8]) throws(BrokenLaw) -> [String: Range<Int>] {
    let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    guard case .object(let header)? = try? JSONValue(parsing: Array(bytes[8..<8 + length])) else {
      throw BrokenLaw("a file without a header can be read")
    }
    var places: [String: Range<Int>] = [:]
    for (name, value) in header where name != "__metadata__" {
      guard case .object(let tensor) = value, case .array(let offsets)? = tensor["data_offsets"],
        offsets.count == 2, case .integer(let begin) = offsets[0],
        case .integer(let end) = offsets[1], begin >= 0, begin <= end
      else { throw BrokenLaw("a tensor without offsets can be read: \(name)") }
      places[name] = 8 + length + Int(begin)..<8 + length + Int(end)
    }
    return places
  }

  /// Every byte belongs to one tensor, or to the header.
  private static func checkCover(
    of bytes: [UInt8],
    by places: [Range<Int>]
  ) throws(BrokenLaw) {
    let data = places.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    for (first, second) in zip(data, data.dropFirst()) {
      try BrokenLaw.unless(first.upperBound == second.lowerBound, "\(first) is before \(second)")
    }
    guard let last = data.last else { return }
    try BrokenLaw.unless(last.upperBound == bytes.count, "the file does not end with a tensor")
  }

  private static func checkElements(
    of file: SafetensorsFile,
    _ attempt: Attempt,
    _ places: [String: Range<Int>],
    _ bytes: [UInt8]
  ) throws(BrokenLaw) {
    var count = 0
    try ArchiveLaws.check(file, attempt) { (_, elements) throws(BrokenLaw) in
      count += elements.count
    }
    try BrokenLaw.unless(count <= bytes.count, "\(count) bytes are read from \(bytes.count)")
    for (key, place) in places {
      let tensor = try attempt { () throws(FlywheelError) in try file.tensor(key) }
      guard let tensor = tensor ?? nil else { continue }
      try BrokenLaw.unless(
        tensor.bytes.isEqual(to: Array(bytes[place])),
        "\(key) has other bytes than the file"
      )
    }
  }
}
