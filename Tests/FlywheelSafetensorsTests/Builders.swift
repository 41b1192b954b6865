import FlywheelCore

/// A safetensors file of a header and the tensors' bytes.
///
/// - Parameters:
///   - header: The header's JSON.
///   - length: The length in front of it; nil for the true one.
///   - data: What follows it.
/// - Returns: The file.
func file(_ header: [UInt8], length: UInt64? = nil, _ data: [UInt8] = []) -> [UInt8] {
  let length = length ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header + data
}

/// A safetensors file of a header's text and so many bytes of tensors.
func file(_ header: String, length: UInt64? = nil, bytes count: Int = 0) -> [UInt8] {
  file(Array(header.utf8), length: length, (0..<count).map { UInt8(truncatingIfNeeded: $0 & 1) })
}

/// The file as a reader takes it.
func storage(_ bytes: [UInt8]) throws -> TensorStorage {
  try unsafe TensorStorage(byteCount: bytes.count) { (target) throws(FlywheelError) in
    unsafe target.copyBytes(from: bytes)
  }
}

/// A copy of bytes.
func bytes(_ span: RawSpan) -> [UInt8] {
  unsafe span.withUnsafeBytes { unsafe [UInt8]($0) }
}

extension ArchiveReader {
  /// All that can be read, in both ways, by name.
  func contents() throws -> [String: [UInt8]] {
    var found: [String: [UInt8]] = [:]
    for member in try members() {
      guard let array = try? member.array() else { continue }
      var pieces: [UInt8] = []
      do throws(FlywheelError) {
        try read(member.key) { (piece) throws(FlywheelError) in pieces += bytes(piece) }
      } catch {
        continue
      }
      guard pieces.count == array.byteCount else { throw FlywheelError(.mismatch, member.key) }
      if array.element.dtype != nil {
        guard let tensor = try tensor(member.key), bytes(tensor.bytes) == pieces else {
          throw FlywheelError(.mismatch, member.key)
        }
      }
      found[member.key] = pieces
    }
    return found
  }
}
