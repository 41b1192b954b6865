import FlywheelCore
import OrderedCollections
import Testing

struct JSONWriterTests {
  static let texts: [(JSONValue, String)] = [
    (.null, "null"),
    (true, "true"),
    (false, "false"),
    (0, "0"),
    (.integer(.min), "-9223372036854775808"),
    (.unsigned(.max), "18446744073709551615"),
    (1.0, "1.0"),
    (-0.0, "-0.0"),
    (0.1, "0.1"),
    (1e15, "1000000000000000.0"),
    (1e16, "1e+16"),
    (1e-7, "1e-07"),
    (.double(.leastNonzeroMagnitude), "5e-324"),
    (.double(.greatestFiniteMagnitude), "1.7976931348623157e+308"),
    (.double(.infinity), #"{"float64":"0x7ff0000000000000"}"#),
    (.double(-.infinity), #"{"float64":"0xfff0000000000000"}"#),
    (.double(Double(bitPattern: 0x7ff8_0000_0000_0001)), #"{"float64":"0x7ff8000000000001"}"#),
    (JSONValue(Double(bitPattern: 0x7ff0_0000_0000_0001)), #"{"float64":"0x7ff0000000000001"}"#),
    ("", "\"\""),
    ("a\"b\\c/d", #""a\"b\\c/d""#),
    ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#),
    ("\0\u{1}\u{b}\u{1f}\u{7f}", "\"\\u0000\\u0001\\u000b\\u001f\u{7f}\""),
    ("é€😀\u{2028}", "\"é€😀\u{2028}\""),
    ([], "[]"),
    ([:], "{}"),
    ([1, [2.5], "x"], #"[1,[2.5],"x"]"#),
    (["b": 1, "a": ["c": .null]], #"{"b":1,"a":{"c":null}}"#),
  ]

  @Test("A value has one form", arguments: texts)
  func canonicalForm(value: JSONValue, text: String) {
    #expect(String(decoding: value.canonicalBytes, as: UTF8.self) == text)
  }

  @Test("Members keep their order, so the same document gives the same bytes")
  func stability() throws {
    let document = Self.document
    let bytes = document.canonicalBytes
    #expect(bytes == document.canonicalBytes)
    #expect(try JSONValue(parsing: bytes).canonicalBytes == bytes)
    let reordered: JSONValue = ["b": 1, "a": 2]
    #expect(reordered != ["a": 2, "b": 1])
  }

  static let document: JSONValue = [
    "step": 400,
    "shape": [30, 784],
    "empty": [],
    "none": [:],
    "best": JSONValue(-Double.infinity),
    "groups": [["learning_rate": 0.1, "name": "a \"b\""], [:]],
    "nested": [[1, 2], [3]],
    "nan": [.double(Double(bitPattern: 0x7ff8_0000_0000_0001)), 1.0],
  ]

  @Test("People see one member to a line, and short arrays on one")
  func prettyText() {
    let expected = """
      {
        "step": 400,
        "shape": [30, 784],
        "empty": [],
        "none": {},
        "best": {"float64": "0xfff0000000000000"},
        "groups": [
          {
            "learning_rate": 0.1,
            "name": "a \\"b\\""
          },
          {}
        ],
        "nested": [
          [1, 2],
          [3]
        ],
        "nan": [{"float64": "0x7ff8000000000001"}, 1.0]
      }
      """
    #expect(Self.document.prettyText() == expected)
    let small: JSONValue = ["a": 1]
    #expect(small.prettyText(indent: 4) == "{\n    \"a\": 1\n}")
    #expect(small.prettyText(indent: -1) == "{\n\"a\": 1\n}")
  }

  @Test("A long array has one element to a line")
  func longArray() {
    let numbers = JSONValue.array((0..<36).map { JSONValue($0) })
    #expect(numbers.prettyText().split(separator: "\n").count == 38)
    let words = JSONValue.array(Array(repeating: JSONValue("twenty characters ok"), count: 4))
    #expect(words.prettyText().split(separator: "\n").count == 6)
  }

  @Test("What people see reads back to the same value")
  func prettyTextReadsBack() throws {
    let bytes = Array(Self.document.prettyText().utf8)
    #expect(try JSONValue(parsing: bytes).canonicalBytes == Self.document.canonicalBytes)
  }

  @Test("Random values survive writing and reading bit for bit", arguments: UInt64(0)..<20)
  func roundTrip(seed: UInt64) throws {
    var values = RandomValues(seed: seed)
    for _ in 0..<100 {
      let value = values.next(depth: 4)
      let bytes = value.canonicalBytes
      let read = try JSONValue(parsing: bytes)
      #expect(read == value)
      #expect(read.canonicalBytes == bytes)
      let pretty = try JSONValue(parsing: Array(value.prettyText().utf8))
      #expect(pretty.canonicalBytes == bytes)
    }
  }

  @Test("Random numbers keep every bit", arguments: UInt64(0)..<4)
  func numbers(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    var document: OrderedDictionary<String, JSONValue> = [:]
    var doubles: [Double] = []
    var integers: [UInt64] = [0, 1, 1 << 63, .max, UInt64(Int64.max)]
    for index in 0..<2_000 {
      let bits = generator.next()
      doubles.append(Double(bitPattern: bits))
      integers.append(bits >> (bits & 63))
      document["d\(index)"] = JSONValue(doubles[index])
    }
    document["integers"] = .array(integers.map { JSONValue($0) })
    let read = try JSONValue(parsing: JSONValue.object(document).canonicalBytes)
    var members = try JSONObject(read)
    for (index, double) in doubles.enumerated() {
      #expect(try members.double("d\(index)").bitPattern == double.bitPattern)
    }
    #expect(try members.value("integers") == .array(integers.map { JSONValue($0) }))
    try members.refuseOtherMembers()
  }

  @Test("Every Unicode scalar survives writing and reading")
  func unicode() throws {
    // By the code point, since Swift's own comparison takes canonically equivalent texts as equal.
    let scalars = (UInt32(0)...0x10_ffff).compactMap(Unicode.Scalar.init)
    for start in stride(from: 0, to: scalars.count, by: 4_096) {
      var text = String.UnicodeScalarView()
      for scalar in scalars[start..<min(start + 4_096, scalars.count)] {
        text.append("-")
        text.append(scalar)
      }
      let value = JSONValue.string(String(text))
      guard case .string(let read) = try JSONValue(parsing: value.canonicalBytes) else {
        Issue.record("not a string")
        return
      }
      #expect(read.utf8.elementsEqual(String(text).utf8))
    }
  }
}

/// Random JSON values with the extremes more often than chance would have them.
private struct RandomValues {
  var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func next(depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth == 0 ? 8 : 12), using: &generator) {
    case 0: .null
    case 1: .bool(.random(using: &generator))
    case 2: .integer(Int64(bitPattern: generator.next()))
    case 3: .integer([.min, .max, 0, -1, 1 << 53][Int.random(in: 0..<5, using: &generator)])
    case 4: JSONValue(generator.next())
    case 5: JSONValue(Double(bitPattern: generator.next()))
    case 6: JSONValue([0.0, -0.0, .nan, .infinity, 1e16][Int.random(in: 0..<5, using: &generator)])
    case 7: .string(text())
    case 8, 9: array(depth: depth)
    default: object(depth: depth)
    }
  }

  private mutating func array(depth: Int) -> JSONValue {
    .array((0..<Int.random(in: 0..<6, using: &generator)).map { _ in next(depth: depth - 1) })
  }

  private mutating func object(depth: Int) -> JSONValue {
    var members: OrderedDictionary<String, JSONValue> = [:]
    for _ in 0..<Int.random(in: 0..<6, using: &generator) {
      members[text()] = next(depth: depth - 1)
    }
    return .object(members)
  }

  private mutating func text() -> String {
    var scalars = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0..<12, using: &generator) {
      let limits: [UInt32] = [0x20, 0x7f, 0x7ff, 0xffff, 0x10_ffff]
      let limit = limits[Int.random(in: 0..<limits.count, using: &generator)]
      guard let scalar = Unicode.Scalar(UInt32.random(in: 0...limit, using: &generator)) else {
        continue
      }
      scalars.append(scalar)
    }
    return String(scalars)
  }
}

/// SplitMix64: small, and the same on every machine.
private struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
