import OrderedCollections

/// An object of a JSON document that is being understood member by member.
///
/// Every member is asked for by name and type; `refuseOtherMembers` then makes sure that nothing was
/// overlooked. A member that is missing is `notFound`, one of another type or out of range `malformed`;
/// the message says where in the document it is, what was found and what was expected.
///
///     var progress = try root.object("progress")
///     let step = try progress.integer("step", in: 0...)
///     let best = try progress.optionalDouble("best_metric")
///     try progress.refuseOtherMembers()
public struct JSONObject: Sendable {
  /// Where in the document the object is, for example `/optimizer/groups/0`; `/` is the whole.
  public let path: String
  private let members: OrderedDictionary<String, JSONValue>
  /// Which of the members have been asked for.
  private var isAsked: [Bool]

  /// Takes a value that must be an object.
  ///
  /// - Parameters:
  ///   - value: The value.
  ///   - path: Where in the document it is.
  /// - Throws: `malformed` if it is not an object.
  public init(_ value: JSONValue, path: String = "/") throws(FlywheelError) {
    guard case .object(let members) = value else {
      throw Self.mismatch(value, path, expected: "an object")
    }
    self.members = members
    self.path = path
    isAsked = Array(repeating: false, count: members.count)
  }

  /// The names of all members, in order.
  public var names: [String] { Array(members.keys) }

  /// Makes sure that every member has been asked for.
  ///
  /// - Parameter remedy: What may have happened, or what to do.
  /// - Throws: `malformed`, naming the first member that has not.
  public func refuseOtherMembers(
    remedy: String = "written by a newer Flywheel, or damaged"
  ) throws(FlywheelError) {
    guard let index = isAsked.firstIndex(of: false) else { return }
    let name = quoted(members.keys[index])
    throw FlywheelError(
      .malformed,
      "Found an unknown member \(name) in \(path): \(remedy)."
    )
  }

  // MARK: Members that must be there

  /// A member of any type; `null` is a value here.
  public mutating func value(_ name: String) throws(FlywheelError) -> JSONValue {
    try require(name, Self.value)
  }

  /// A string.
  public mutating func string(_ name: String) throws(FlywheelError) -> String {
    try require(name, Self.string)
  }

  /// `true` or `false`.
  public mutating func bool(_ name: String) throws(FlywheelError) -> Bool {
    try require(name, Self.bool)
  }

  /// An integer.
  public mutating func integer(
    _ name: String,
    in range: some RangeExpression<Int> = Int.min...Int.max
  ) throws(FlywheelError) -> Int {
    try require(name) { value, path throws(FlywheelError) in
      try Self.integer(value, path, in: range)
    }
  }

  /// An integer of up to 64 bits without sign, for example a seed or a random state.
  public mutating func unsigned(_ name: String) throws(FlywheelError) -> UInt64 {
    try require(name, Self.unsigned)
  }

  /// A floating-point number, bit for bit; integers that it holds exactly and bit patterns count too.
  public mutating func double(_ name: String) throws(FlywheelError) -> Double {
    try require(name, Self.double)
  }

  /// An object.
  public mutating func object(_ name: String) throws(FlywheelError) -> JSONObject {
    try require(name, Self.object)
  }

  /// An array of strings.
  public mutating func strings(_ name: String) throws(FlywheelError) -> [String] {
    try require(name) { value, path throws(FlywheelError) in
      try Self.array(value, path, of: Self.string)
    }
  }

  /// An array of integers.
  public mutating func integers(
    _ name: String,
    in range: some RangeExpression<Int> = Int.min...Int.max
  ) throws(FlywheelError) -> [Int] {
    try require(name) { value, path throws(FlywheelError) in
      try Self.array(value, path) { element, path throws(FlywheelError) in
        try Self.integer(element, path, in: range)
      }
    }
  }

  /// An array of floating-point numbers.
  public mutating func doubles(_ name: String) throws(FlywheelError) -> [Double] {
    try require(name) { value, path throws(FlywheelError) in
      try Self.array(value, path, of: Self.double)
    }
  }

  /// An array of objects.
  public mutating func objects(_ name: String) throws(FlywheelError) -> [JSONObject] {
    try require(name) { value, path throws(FlywheelError) in
      try Self.array(value, path, of: Self.object)
    }
  }

  /// An object that must be there, but may be null.
  public mutating func nullableObject(_ name: String) throws(FlywheelError) -> JSONObject? {
    try value(name) == .null ? nil : object(name)
  }

  /// A floating-point number that must be there, but may be null.
  public mutating func nullableDouble(_ name: String) throws(FlywheelError) -> Double? {
    try value(name) == .null ? nil : double(name)
  }

  /// An integer or `null`.
  public mutating func nullableInteger(
    _ name: String,
    in range: some RangeExpression<Int>
  ) throws(FlywheelError) -> Int? {
    try value(name) == .null ? nil : integer(name, in: range)
  }

  // MARK: Members that may be absent or null

  /// A member of any type, or nil.
  public mutating func optionalValue(_ name: String) -> JSONValue? {
    let value = take(name)
    return value == .null ? nil : value
  }

  /// A string, or nil.
  public mutating func optionalString(_ name: String) throws(FlywheelError) -> String? {
    try isPresent(name) ? string(name) : nil
  }

  /// A truth value, or nil.
  public mutating func optionalBool(_ name: String) throws(FlywheelError) -> Bool? {
    try isPresent(name) ? bool(name) : nil
  }

  /// An integer, or nil.
  public mutating func optionalInteger(
    _ name: String,
    in range: some RangeExpression<Int> = Int.min...Int.max
  ) throws(FlywheelError) -> Int? {
    try isPresent(name) ? integer(name, in: range) : nil
  }

  /// An integer of up to 64 bits without sign, or nil.
  public mutating func optionalUnsigned(_ name: String) throws(FlywheelError) -> UInt64? {
    try isPresent(name) ? unsigned(name) : nil
  }

  /// A floating-point number, or nil.
  public mutating func optionalDouble(_ name: String) throws(FlywheelError) -> Double? {
    try isPresent(name) ? double(name) : nil
  }

  /// An object, or nil.
  public mutating func optionalObject(_ name: String) throws(FlywheelError) -> JSONObject? {
    try isPresent(name) ? object(name) : nil
  }

  /// An array of objects, or nil.
  public mutating func optionalObjects(_ name: String) throws(FlywheelError) -> [JSONObject]? {
    try isPresent(name) ? objects(name) : nil
  }

  // MARK: How it is done

  private mutating func isPresent(_ name: String) -> Bool {
    optionalValue(name) != nil
  }

  private mutating func require<Result>(
    _ name: String,
    _ understand: (JSONValue, String) throws(FlywheelError) -> Result
  ) throws(FlywheelError) -> Result {
    guard let value = take(name) else {
      throw FlywheelError(
        .notFound,
        "Member \(quoted(name)) is missing in \(path): written by another version, or damaged."
      )
    }
    // A name may hold anything; the path is only ever shown.
    return try understand(value, (path == "/" ? "/" : path + "/") + printable(name))
  }

  private mutating func take(_ name: String) -> JSONValue? {
    guard let index = members.index(forKey: name) else { return nil }
    isAsked[index] = true
    return members.values[index]
  }

  private static func value(_ value: JSONValue, _ path: String) throws(FlywheelError) -> JSONValue {
    value
  }

  private static func string(_ value: JSONValue, _ path: String) throws(FlywheelError) -> String {
    guard case .string(let string) = value else {
      throw mismatch(value, path, expected: "a string")
    }
    return string
  }

  private static func bool(_ value: JSONValue, _ path: String) throws(FlywheelError) -> Bool {
    guard case .bool(let bool) = value else {
      throw mismatch(value, path, expected: "true or false")
    }
    return bool
  }

  private static func integer(
    _ value: JSONValue,
    _ path: String,
    in range: some RangeExpression<Int>
  ) throws(FlywheelError) -> Int {
    guard case .integer(let integer) = value, let integer = Int(exactly: integer),
      range.contains(integer)
    else { throw mismatch(value, path, expected: "an integer" + bounds(range)) }
    return integer
  }

  private static func unsigned(_ value: JSONValue, _ path: String) throws(FlywheelError) -> UInt64 {
    switch value {
    case .unsigned(let integer): return integer
    case .integer(let integer) where integer >= 0: return integer.magnitude
    default: throw mismatch(value, path, expected: "an integer of at least 0")
    }
  }

  private static func double(_ value: JSONValue, _ path: String) throws(FlywheelError) -> Double {
    let number: Double? =
      switch value {
      case .double(let number): number
      case .integer(let integer): Double(exactly: integer)
      case .unsigned(let integer): Double(exactly: integer)
      default: value.bitPatternDouble
      }
    guard let number else {
      throw mismatch(value, path, expected: "a number that a 64-bit float holds exactly")
    }
    return number
  }

  private static func object(
    _ value: JSONValue,
    _ path: String
  ) throws(FlywheelError) -> JSONObject {
    try JSONObject(value, path: path)
  }

  private static func array<Element>(
    _ value: JSONValue,
    _ path: String,
    of understand: (JSONValue, String) throws(FlywheelError) -> Element
  ) throws(FlywheelError) -> [Element] {
    guard case .array(let values) = value else {
      throw mismatch(value, path, expected: "an array")
    }
    var elements: [Element] = []
    elements.reserveCapacity(values.count)
    for (index, value) in values.enumerated() {
      elements.append(try understand(value, "\(path)/\(index)"))
    }
    return elements
  }

  private static func mismatch(
    _ value: JSONValue,
    _ path: String,
    expected: String
  ) -> FlywheelError {
    let found =
      switch value {
      case .null: "null"
      case .bool(let bool): "\(bool)"
      case .integer(let integer): "the integer \(integer)"
      case .unsigned(let integer): "the integer \(integer)"
      case .double(let number): "the number \(number)"
      case .string(let string): "the string \(quoted(string))"
      case .array(let values): "an array of \(values.count)"
      case .object(let members): "an object of \(members.count) members"
      }
    return FlywheelError.malformed(found: "\(found) at \(path)", expected: expected)
  }

  private static func bounds(_ range: some RangeExpression<Int>) -> String {
    switch range {
    case let range as PartialRangeFrom<Int>: " of at least \(range.lowerBound)"
    case let range as PartialRangeThrough<Int>: " of at most \(range.upperBound)"
    case let range as ClosedRange<Int> where range == Int.min...Int.max: ""
    default: " in \(range)"
    }
  }
}
