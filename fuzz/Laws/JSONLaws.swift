import FlywheelCore
import OrderedCollections

/// What holds for any bytes that are read as JSON.
public enum JSONLaws {
  /// Reads bytes as a document, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count)
    let value = try attempt { () throws(FlywheelError) in try JSONValue(parsing: bytes) }
    guard let value else { return }
    try checkWriting(value, byteCount: bytes.count)
    try checkMembers(of: value, attempt)
    try CheckpointLaws.check(value, attempt)
  }

  /// What is written reads back to the same value, bit for bit.
  private static func checkWriting(_ value: JSONValue, byteCount: Int) throws(BrokenLaw) {
    let canonical = value.canonicalBytes
    let again = try? JSONValue(parsing: canonical)
    try BrokenLaw.unless(again == value, "the canonical bytes are another value")
    try BrokenLaw.unless(again?.canonicalBytes == canonical, "they have others of their own")
    let pretty = try? JSONValue(parsing: Array(value.prettyText().utf8))
    try BrokenLaw.unless(pretty?.canonicalBytes == canonical, "the pretty text is another value")
    // `9e15` and a comma are five bytes, `9000000000000000.0,` nineteen.
    try BrokenLaw.unless(
      canonical.count <= 4 * byteCount + 16,
      "\(byteCount) bytes have \(canonical.count) canonical ones"
    )
  }

  /// Every member of an object can be asked for, as anything; then no other is left.
  private static func checkMembers(
    of value: JSONValue,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    switch value {
    case .array(let values):
      for value in values { try checkMembers(of: value, attempt) }
    case .object(let members):
      guard var object = try? JSONObject(value) else { throw BrokenLaw("an object is none") }
      try BrokenLaw.unless(object.names == Array(members.keys), "an object has other names")
      for (name, value) in members {
        try checkMember(name, of: &object, is: value, attempt)
        try checkMembers(of: value, attempt)
      }
      let isAsked: Void? = try attempt { () throws(FlywheelError) in
        try object.refuseOtherMembers()
      }
      try BrokenLaw.unless(isAsked != nil, "a member counts as unknown after it was asked for")
    default: break
    }
  }

  private static func checkMember(
    _ name: String,
    of object: inout JSONObject,
    is value: JSONValue,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let found = try attempt { () throws(FlywheelError) in try object.value(name) }
    try BrokenLaw.unless(found == value, "a member has another value")
    let string = try attempt { () throws(FlywheelError) in try object.string(name) }
    try BrokenLaw.unless(string.map(JSONValue.string) ?? value == value, "another string")
    let bool = try attempt { () throws(FlywheelError) in try object.bool(name) }
    try BrokenLaw.unless(bool.map(JSONValue.bool) ?? value == value, "another truth value")
    let integer = try attempt { () throws(FlywheelError) in try object.integer(name) }
    try BrokenLaw.unless(integer.map { JSONValue($0) } ?? value == value, "another integer")
    let unsigned = try attempt { () throws(FlywheelError) in try object.unsigned(name) }
    try BrokenLaw.unless(unsigned.map { JSONValue($0) } ?? value == value, "another integer")
    _ = try attempt { () throws(FlywheelError) in try object.integer(name, in: 0..<10) }
    _ = try attempt { () throws(FlywheelError) in try object.optionalDouble(name) }
    _ = try attempt { () throws(FlywheelError) in try object.object(name) }
    _ = try attempt { () throws(FlywheelError) in try object.strings(name) }
    _ = try attempt { () throws(FlywheelError) in try object.integers(name, in: 0...) }
    _ = try attempt { () throws(FlywheelError) in try object.doubles(name) }
    _ = try attempt { () throws(FlywheelError) in try object.optionalObjects(name) }
  }
}
