import FlywheelCore
import OrderedCollections
import Testing

struct JSONReaderTests {
  /// A text that is refused, with the code and the byte at which it is.
  struct BadText: Sendable, CustomTestStringConvertible {
    let bytes: [UInt8]
    let code: FlywheelError.Code
    let offset: UInt64

    init(_ text: String, _ code: FlywheelError.Code, _ offset: UInt64) {
      self.init(Array(text.utf8), code, offset)
    }

    init(_ bytes: [UInt8], _ code: FlywheelError.Code, _ offset: UInt64) {
      self.bytes = bytes
      self.code = code
      self.offset = offset
    }

    var testDescription: String { String(decoding: bytes, as: UTF8.self).debugDescription }
  }

  static let badDocuments: [BadText] = [
    BadText("", .truncated, 0),
    BadText(" \n\t\r", .truncated, 4),
    BadText("\u{feff}1", .malformed, 0),
    BadText("1 2", .malformed, 2),
    BadText("{} {}", .malformed, 3),
    BadText("[]]", .malformed, 2),
    BadText("null,", .malformed, 4),
    BadText("1\0", .malformed, 1),
    BadText("\u{a0}1", .malformed, 0),
    BadText("\u{b}1", .malformed, 0),
    BadText("// comment\n1", .malformed, 0),
    BadText("/* comment */ 1", .malformed, 0),
    BadText("'single'", .malformed, 0),
    BadText("bare", .malformed, 0),
  ]

  static let badContainers: [BadText] = [
    BadText("[", .truncated, 1),
    BadText("[1", .truncated, 2),
    BadText("[1,", .truncated, 3),
    BadText("[1,]", .malformed, 3),
    BadText("[,1]", .malformed, 1),
    BadText("[1 2]", .malformed, 3),
    BadText("[1,,2]", .malformed, 3),
    BadText("[1}", .malformed, 2),
    BadText("]", .malformed, 0),
    BadText("}", .malformed, 0),
    BadText("{", .truncated, 1),
    BadText("{\"a\"", .truncated, 4),
    BadText("{\"a\":", .truncated, 5),
    BadText("{\"a\":1", .truncated, 6),
    BadText("{\"a\":1,", .truncated, 7),
    BadText("{\"a\":1,}", .malformed, 7),
    BadText("{,}", .malformed, 1),
    BadText("{\"a\" 1}", .malformed, 5),
    BadText("{\"a\"::1}", .malformed, 5),
    BadText("{\"a\":}", .malformed, 5),
    BadText("{\"a\":1 \"b\":2}", .malformed, 7),
    BadText("{\"a\":1]", .malformed, 6),
    BadText("{a:1}", .malformed, 1),
    BadText("{1:1}", .malformed, 1),
    BadText("{null:1}", .malformed, 1),
    BadText("{\"a\":1,\"b\":2,\"a\":3}", .malformed, 13),
    BadText("[{\"a\":1, \"\\u0061\":1}]", .malformed, 9),
    BadText("{\"\":1,\"\":1}", .malformed, 6),
    // The same text for Swift, composed and decomposed.
    BadText("{\"\u{e9}\":1,\"e\u{301}\":2}", .malformed, 8),
    BadText(String(repeating: "[", count: 65), .limitExceeded, 64),
    BadText(String(repeating: "{\"a\":", count: 65), .limitExceeded, 320),
  ]

  static let badWords: [BadText] = [
    BadText("t", .truncated, 1),
    BadText("nul", .truncated, 3),
    BadText("trux", .malformed, 3),
    BadText("truee", .malformed, 4),
    BadText("True", .malformed, 0),
    BadText("NULL", .malformed, 0),
    BadText("NaN", .malformed, 0),
    BadText("nan", .malformed, 1),
    BadText("Infinity", .malformed, 0),
    BadText("undefined", .malformed, 0),
  ]

  static let badNumbers: [BadText] = [
    BadText("-", .truncated, 1),
    BadText("1.", .truncated, 2),
    BadText("1e", .truncated, 2),
    BadText("1e+", .truncated, 3),
    BadText("+1", .malformed, 0),
    BadText(".5", .malformed, 0),
    BadText("[1.]", .malformed, 3),
    BadText("[-]", .malformed, 2),
    BadText("[1e]", .malformed, 3),
    BadText("[1e-]", .malformed, 4),
    BadText("1e+-1", .malformed, 3),
    BadText("1.e5", .malformed, 2),
    BadText("01", .malformed, 0),
    BadText("[-01]", .malformed, 2),
    BadText("00", .malformed, 0),
    BadText("00.5", .malformed, 0),
    BadText("--1", .malformed, 1),
    BadText("-Infinity", .malformed, 1),
    BadText("0x10", .malformed, 1),
    BadText("1_000", .malformed, 1),
    BadText("1.5.2", .malformed, 3),
    BadText("1e5e5", .malformed, 3),
    BadText("1e5.5", .malformed, 3),
    BadText("\u{661}", .malformed, 0),
    BadText("[18446744073709551616]", .malformed, 1),
    BadText("184467440737095516150", .malformed, 0),
    BadText("-9223372036854775809", .malformed, 0),
    BadText("-18446744073709551616", .malformed, 0),
    BadText("1e309", .malformed, 0),
    BadText("[-1e309]", .malformed, 1),
    BadText("1.7976931348623159e308", .malformed, 0),
    BadText("1e99999999999999999999", .malformed, 0),
  ]

  static let badStrings: [BadText] = [
    BadText("\"", .truncated, 1),
    BadText("\"abc", .truncated, 4),
    BadText("\"abc\\", .truncated, 5),
    BadText("\"abc\\\"", .truncated, 6),
    BadText("\"a\nb\"", .malformed, 2),
    BadText("\"a\tb\"", .malformed, 2),
    BadText("\"a\0b\"", .malformed, 2),
    BadText("\"a\u{1f}b\"", .malformed, 2),
    BadText("\"\\x41\"", .malformed, 2),
    BadText("\"\\'\"", .malformed, 2),
    BadText("\"\\U0041\"", .malformed, 2),
    BadText("\"\\u12\"", .malformed, 5),
    BadText("\"\\u12g4\"", .malformed, 5),
    BadText("\"\\u+123\"", .malformed, 3),
    BadText("\"\\u\u{ff11}234\"", .malformed, 3),
    BadText("\"\\ud800\"", .malformed, 1),
    BadText("\"a\\udc00\"", .malformed, 2),
    BadText("\"\\ud800x\"", .malformed, 1),
    BadText("\"\\ud800\\n\"", .malformed, 1),
    BadText("\"\\ud800\\ud800\"", .malformed, 1),
    BadText("\"\\ud800\\u0041\"", .malformed, 1),
    BadText("\"\\udc00\\ud800\"", .malformed, 1),
    BadText("\"\\ud800\\u00\"", .malformed, 11),
    BadText("\"" + String(repeating: "\u{301}", count: 257) + "\"", .limitExceeded, 1),
    BadText("\"" + String(repeating: "\\u0301", count: 257) + "\"", .limitExceeded, 1),
  ]

  static let badUTF8: [BadText] = [
    // A byte that is never valid, a lone continuation, a missing one.
    BadText([0x22, 0x61, 0xff, 0x22], .malformed, 2),
    BadText([0x22, 0x80, 0x22], .malformed, 1),
    BadText([0x22, 0xc3, 0x22], .malformed, 1),
    BadText([0x22, 0xe2, 0x82, 0x22], .malformed, 1),
    // Overlong forms of '/', in two, three and four bytes, and of NUL.
    BadText([0x22, 0xc0, 0xaf, 0x22], .malformed, 1),
    BadText([0x22, 0xe0, 0x80, 0xaf, 0x22], .malformed, 1),
    BadText([0x22, 0xf0, 0x80, 0x80, 0xaf, 0x22], .malformed, 1),
    BadText([0x22, 0xc0, 0x80, 0x22], .malformed, 1),
    // Surrogates in UTF-8, one and a pair.
    BadText([0x22, 0xed, 0xa0, 0x80, 0x22], .malformed, 1),
    BadText([0x22, 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80, 0x22], .malformed, 1),
    // Above U+10FFFF, and the five-byte forms of old.
    BadText([0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], .malformed, 1),
    BadText([0x22, 0xf8, 0x88, 0x80, 0x80, 0x80, 0x22], .malformed, 1),
    // An escape between the bytes of a character.
    BadText([0x22, 0xc3, 0x5c, 0x6e, 0xa9, 0x22], .malformed, 1),
    // Outside of strings; UTF-16.
    BadText([0xff, 0xfe, 0x31, 0x00], .malformed, 0),
    BadText([0x00, 0x31], .malformed, 0),
    BadText([0x5b, 0xc3, 0xa9, 0x5d], .malformed, 1),
  ]

  @Test(
    "What is not strict JSON is refused at its byte",
    arguments: badDocuments + badContainers + badWords + badNumbers + badStrings + badUTF8
  )
  func refusal(bad: BadText) {
    let error = #expect(throws: FlywheelError.self) { try JSONValue(parsing: bad.bytes) }
    #expect(error?.code == bad.code)
    #expect(error?.location.byteOffset == bad.offset)
  }

  @Test("Errors say what was found and what was expected")
  func wording() {
    let cases: [(text: String, words: String)] = [
      ("[1 2]", "Found '2' where ',' or ']' was expected."),
      ("[\u{e9}]", "Found byte 0xc3 where a value was expected."),
      ("{\"step\":1,\"step\":2}", "a second member 'step'"),
      ("{\"a\\nb\":1,\"a\\nb\":2}", "a second member 'a\\nb'"),
      ("[18446744073709551616]", "the number 18446744073709551616"),
      ("[1", "The JSON document ends where ',' or ']' was expected."),
      ("nope", "the word 'null'"),
    ]
    for (text, words) in cases {
      let error = #expect(throws: FlywheelError.self) { try JSONValue(parsing: Array(text.utf8)) }
      #expect(error?.message.contains(words) == true, "\(text): \(error?.message ?? "")")
    }
  }

  @Test("Messages stay short when the input does not")
  func shortMessages() {
    let name = "\"" + String(repeating: "n", count: 100_000) + "\":1"
    for text in ["{\(name),\(name)}", String(repeating: "9", count: 100_000)] {
      let error = #expect(throws: FlywheelError.self) { try JSONValue(parsing: Array(text.utf8)) }
      #expect((error?.message.count ?? .max) < 300)
    }
  }

  static let goodTexts: [(String, JSONValue)] = [
    ("null", .null),
    (" true ", true),
    ("\tfalse\r\n", false),
    ("0", 0),
    ("-1", -1),
    ("9223372036854775807", .integer(.max)),
    ("-9223372036854775808", .integer(.min)),
    ("9223372036854775808", .unsigned(1 << 63)),
    ("18446744073709551615", .unsigned(.max)),
    ("1.0", 1.0),
    ("1e0", 1.0),
    ("1E+2", 100.0),
    ("0.1", 0.1),
    ("1e-400", 0.0),
    ("0e999999999999", 0.0),
    ("2.2250738585072011e-308", .double(.leastNormalMagnitude.nextDown)),
    ("5e-324", .double(.leastNonzeroMagnitude)),
    ("2.47032822920623272e-324", 0.0),
    ("2.4703282292062328e-324", .double(.leastNonzeroMagnitude)),
    ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)),
    ("1.7976931348623158e308", .double(.greatestFiniteMagnitude)),
    // Halfway between two doubles: ties to even, and a hair above it up.
    ("9007199254740993.0", 9_007_199_254_740_992.0),
    ("9007199254740993.00000000000000000000000000001", 9_007_199_254_740_994.0),
    ("\"\"", ""),
    ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\"", "a\"\\/\u{8}\u{c}\n\r\t\0\u{1f}"),
    ("\"\\u00e9\\u20AC\\uD83D\\ude00\"", "é€😀"),
    ("\"é€😀\u{2028}\u{7f}\u{fffe}\u{10ffff}\"", "é€😀\u{2028}\u{7f}\u{fffe}\u{10ffff}"),
    ("[]", []),
    ("[ ]", []),
    ("{ }", [:]),
    ("[1,[2,[]],{}]", [1, [2, []], [:]]),
    (" { \"b\" : 1 , \"a\" : [ null , 2.5 ] } ", ["b": 1, "a": [.null, 2.5]]),
  ]

  @Test("Strict JSON is read", arguments: goodTexts)
  func reading(text: String, expected: JSONValue) throws {
    let value = try JSONValue(parsing: Array(text.utf8))
    #expect(value == expected)
    #expect(value.canonicalBytes == expected.canonicalBytes)
  }

  @Test("Negative zero keeps its sign however it is written", arguments: ["-0", "-0.0", "-0e5"])
  func negativeZero(text: String) throws {
    guard case .double(let zero) = try JSONValue(parsing: Array(text.utf8)) else {
      Issue.record("not a double")
      return
    }
    #expect(zero == 0)
    #expect(zero.sign == .minus)
  }

  @Test("Integers and floating-point numbers stay apart")
  func numberKinds() throws {
    #expect(try JSONValue(parsing: Array("[1,1.0]".utf8)) == [1, 1.0])
    #expect(JSONValue.integer(1) != JSONValue.double(1))
  }

  @Test("Every truncation of a document is refused as one")
  func truncations() throws {
    let text = """
      {"a": [1, -2.5e+3, true, false, null, "x\\u00e9\\ud83d\\ude00é😀\\n"], "b": {"c": {}}, "d": []}
      """
    let bytes = Array(text.utf8)
    _ = try JSONValue(parsing: bytes)
    for count in bytes.indices {
      let error = #expect(throws: FlywheelError.self) {
        try JSONValue(parsing: Array(bytes.prefix(count)))
      }
      #expect(error?.code == .truncated, "after \(count) bytes")
      #expect(error?.location.byteOffset == UInt64(count))
    }
  }

  @Test("Changing any byte gives another document or an error, never a crash")
  func mutations() {
    let text = #"{"a":[1,-2.5e3,true,null,"x\u00e9é\n"],"b":{"c":18446744073709551615}}"#
    let bytes = Array(text.utf8)
    var accepted = 0
    for index in bytes.indices {
      for byte in UInt8.min ... .max {
        var changed = bytes
        changed[index] = byte
        guard let value = try? JSONValue(parsing: changed) else { continue }
        accepted += 1
        let again = try? JSONValue(parsing: value.canonicalBytes)
        #expect(again?.canonicalBytes == value.canonicalBytes)
      }
    }
    #expect(accepted > bytes.count)
  }

  @Test("Documents nest as deep as the limit and no deeper", arguments: [1, 64, 200])
  func depth(limit: Int) throws {
    let open = [UInt8](repeating: UInt8(ascii: "["), count: limit)
    let close = [UInt8](repeating: UInt8(ascii: "]"), count: limit)
    _ = try JSONValue(parsing: open + close, depthLimit: limit)
    let error = #expect(throws: FlywheelError.self) {
      try JSONValue(parsing: open + close, depthLimit: limit - 1)
    }
    #expect(error?.code == .limitExceeded)
    #expect(error?.location.byteOffset == UInt64(limit - 1))
  }

  @Test("A million brackets are refused at the limit", arguments: ["[", "{\"a\":", "[{\"a\":"])
  func depthBomb(opening: String) {
    let bytes = Array(String(repeating: opening, count: 1_000_000).utf8)
    let error = #expect(throws: FlywheelError.self) { try JSONValue(parsing: bytes) }
    #expect(error?.code == .limitExceeded)
  }

  @Test("A document above the size limit is refused before it is read")
  func sizeLimit() throws {
    _ = try JSONValue(parsing: Array("[1]".utf8), byteLimit: 3)
    let error = #expect(throws: FlywheelError.self) {
      try JSONValue(parsing: Array("[1] ".utf8), byteLimit: 3)
    }
    #expect(error?.code == .limitExceeded)
  }

  @Test("Runs of combining marks cost no quadratic time", .timeLimit(.minutes(1)))
  func combiningMarks() throws {
    // At the limit, and far more than enough to hang if names were taken as they come.
    let run = "a" + String(repeating: "\u{301}\u{323}", count: 128)
    let names = (0..<200).map { "\"\($0)\(run)\":1" }.joined(separator: ",")
    let value = try JSONValue(parsing: Array("{\(names)}".utf8))
    guard case .object(let members) = value else {
      Issue.record("not an object")
      return
    }
    #expect(members.count == 200)
    let bomb = "{\"\(String(repeating: "\u{301}\u{323}", count: 1_000_000))\":1}"
    #expect(throws: FlywheelError.self) { try JSONValue(parsing: Array(bomb.utf8)) }
  }

  @Test("A header of 400 KB is read in linear time", .timeLimit(.minutes(1)))
  func largeHeader() throws {
    let entry = #"{"dtype":"F32","shape":[30,784],"data_offsets":[0,94080],"scale":0.1}"#
    let members = (0..<4_000).map { "\"model/layers.\($0).weight\":\(entry)" }
    let bytes = Array("{\(members.joined(separator: ","))}".utf8)
    #expect(bytes.count > 350_000)
    let value = try JSONValue(parsing: bytes)
    #expect(value.canonicalBytes == bytes)
  }

  @Test("A span of raw bytes is read as an array is")
  func rawSpan() throws {
    let bytes = Array("[1,2]".utf8)
    let span = bytes.span
    #expect(try unsafe JSONValue(parsing: span.bytes) == [1, 2])
  }
}
