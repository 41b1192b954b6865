/// Appends the fields of a Protocol Buffers message: the four kinds that events need.
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  /// A field of an integer type.
  mutating func integer(_ field: Int, _ value: Int64) {
    key(field, wire: 0)
    variable(UInt64(bitPattern: value))
  }

  /// A field of type `double`.
  mutating func double(_ field: Int, _ value: Double) {
    key(field, wire: 1)
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  /// A field of type `float`.
  mutating func float(_ field: Int, _ value: Float) {
    key(field, wire: 5)
    for shift in stride(from: 0, to: 32, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
    }
  }

  /// A field that holds text, bytes or another message.
  mutating func bytes(_ field: Int, _ value: some Collection<UInt8>) {
    key(field, wire: 2)
    variable(UInt64(value.count))
    bytes += value
  }

  private mutating func key(_ field: Int, wire: Int) {
    variable(UInt64(field << 3 | wire))
  }

  /// Seven bits to a byte, lowest first; the eighth says that more follow.
  private mutating func variable(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
