import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelSafetensors

@Suite("Damaged and hostile safetensors files")
struct DamageTests {
  /// A file that is no safetensors file: its bytes, why, and where.
  struct Refusal: CustomTestStringConvertible {
    let testDescription: String
    let bytes: [UInt8]
    let code: FlywheelError.Code
    let offset: UInt64
    let tensor: String?

    init(
      _ name: String,
      _ bytes: [UInt8],
      _ code: FlywheelError.Code,
      at offset: UInt64,
      in tensor: String? = nil
    ) {
      testDescription = name
      self.bytes = bytes
      self.code = code
      self.offset = offset
      self.tensor = tensor
    }
  }

  /// A header of one tensor.
  private static func one(
    dtype: String = #""U8""#,
    shape: String = "[1]",
    offsets: String = "[0,1]"
  ) -> String {
    #"{"t":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  /// A header of two tensors of bytes.
  private static func two(_ first: String, _ second: String, names: String = "ab") -> String {
    let members = zip(names, [first, second]).map { name, offsets in
      let ends = offsets.split(separator: ",").compactMap { Int($0) }
      return
        #""\#(name)":{"dtype":"U8","shape":[\#(ends[1] - ends[0])],"data_offsets":[\#(offsets)]}"#
    }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static let nested = String(repeating: "[", count: 90) + String(repeating: "]", count: 90)

  static let refusals: [Refusal] = [
    // The length.
    Refusal("nothing", [], .truncated, at: 0),
    Refusal("half a length", [8, 0, 0, 0], .truncated, at: 0),
    Refusal("a length and nothing else", file("", length: 2), .truncated, at: 8),
    Refusal("a header that is cut off", file("{}", length: 3), .truncated, at: 8),
    Refusal("a header of no bytes", file(""), .malformed, at: 8),
    Refusal(
      "a header of 100,000,001 bytes",
      file("{}", length: 100_000_001),
      .limitExceeded,
      at: 0
    ),
    Refusal(
      "a header of all bytes that there are",
      file("{}", length: .max),
      .limitExceeded,
      at: 0
    ),
    Refusal("a header of 2^63 bytes", file("{}", length: 1 << 63), .limitExceeded, at: 0),
    Refusal("a length that is one too small", file("{}", length: 1), .malformed, at: 9),
    Refusal("big-endian length", file("{}", length: 2 << 56), .limitExceeded, at: 0),
    // The JSON.
    Refusal("no UTF-8", file([0xFF]), .malformed, at: 8),
    Refusal(
      "no UTF-8 in a name",
      file(Array(#"{""#.utf8) + [0xC3, 0x28, 0x22]),
      .malformed,
      at: 10
    ),
    Refusal(
      "UTF-8 of a surrogate",
      file(Array(#"{""#.utf8) + [0xED, 0xA0, 0x80, 0x22]),
      .malformed,
      at: 10
    ),
    Refusal("a byte order mark", file("\u{FEFF}{}"), .malformed, at: 8),
    Refusal("a NUL character in front", file("\0{}"), .malformed, at: 8),
    Refusal("filled up with NUL characters", file("{}\0\0"), .malformed, at: 10),
    Refusal("an open bracket", file("{"), .malformed, at: 9),
    Refusal("an array", file("[]"), .malformed, at: 8),
    Refusal("a number", file("7"), .malformed, at: 8),
    Refusal("two objects", file("{}{}"), .malformed, at: 10),
    Refusal("a comma at the end", file(#"{"__metadata__":{},}"#), .malformed, at: 27),
    Refusal("a comment", file("{/**/}"), .malformed, at: 9),
    Refusal("single quotes", file("{'t':1}"), .malformed, at: 9),
    Refusal("half a surrogate pair", file(#"{"\ud800":1}"#), .malformed, at: 10),
    Refusal("a line feed in a name", file("{\"a\nb\":1}"), .malformed, at: 11),
    Refusal("a name without its end", file(#"{"abc"#), .malformed, at: 13),
    Refusal(
      "nesting without end",
      file(#"{"t":{"x":\#(String(repeating: "[", count: 500_000))"#),
      .limitExceeded,
      at: 80,
      in: "t"
    ),
    Refusal(
      "thousands of accents",
      file(#"{"e\#(String(repeating: "\u{301}", count: 3_000))":1}"#),
      .limitExceeded,
      at: 10
    ),
    // The metadata.
    Refusal("metadata that are a text", file(#"{"__metadata__":"pt"}"#), .malformed, at: 9),
    Refusal("metadata that are an array", file(#"{"__metadata__":[]}"#), .malformed, at: 9),
    Refusal("a number in the metadata", file(#"{"__metadata__":{"a":1}}"#), .malformed, at: 9),
    Refusal("an object in the metadata", file(#"{"__metadata__":{"a":{}}}"#), .malformed, at: 9),
    Refusal("a null in the metadata", file(#"{"__metadata__":{"a":null}}"#), .malformed, at: 9),
    Refusal("metadata twice", file(#"{"__metadata__":{},"__metadata__":{}}"#), .malformed, at: 27),
    Refusal(
      "a name twice in the metadata",
      file(#"{"__metadata__":{"a":"1","a":"2"}}"#),
      .malformed,
      at: 33
    ),
    // A tensor's members.
    Refusal("a tensor that is a number", file(#"{"t":1}"#), .malformed, at: 13, in: "t"),
    Refusal("a tensor that is null", file(#"{"t":null}"#), .malformed, at: 13, in: "t"),
    Refusal(
      "a tensor that is an array",
      file(#"{"t":["U8",[1],[0,1]]}"#, bytes: 1),
      .malformed,
      at: 13,
      in: "t"
    ),
    Refusal("a tensor of nothing", file(#"{"t":{}}"#), .malformed, at: 9, in: "t"),
    Refusal(
      "no dtype",
      file(#"{"t":{"shape":[1],"data_offsets":[0,1]}}"#, bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "no shape",
      file(#"{"t":{"dtype":"U8","data_offsets":[0,1]}}"#, bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "no offsets",
      file(#"{"t":{"dtype":"U8","shape":[1]}}"#, bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "a dtype twice",
      file(#"{"t":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, bytes: 1),
      .malformed,
      at: 27,
      in: "t"
    ),
    Refusal(
      "an unknown member twice",
      file(#"{"t":{"x":1,"x":1,"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, bytes: 1),
      .malformed,
      at: 20,
      in: "t"
    ),
    Refusal(
      "a dtype of lower case",
      file(one(dtype: #""u8""#), bytes: 1),
      .unsupported,
      at: 22,
      in: "t"
    ),
    Refusal(
      "a dtype of 128 bits",
      file(one(dtype: #""F128""#), bytes: 1),
      .unsupported,
      at: 22,
      in: "t"
    ),
    Refusal(
      "a dtype that is a number",
      file(one(dtype: "8"), bytes: 1),
      .malformed,
      at: 22,
      in: "t"
    ),
    Refusal(
      "a shape that is a number",
      file(one(shape: "1"), bytes: 1),
      .malformed,
      at: 35,
      in: "t"
    ),
    Refusal("a shape of null", file(one(shape: "null"), bytes: 1), .malformed, at: 35, in: "t"),
    Refusal("a negative extent", file(one(shape: "[-1]"), bytes: 1), .malformed, at: 36, in: "t"),
    Refusal(
      "a negative zero",
      file(one(shape: "[-0]", offsets: "[0,0]")),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent with a fraction",
      file(one(shape: "[1.0]"), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent with an exponent",
      file(one(shape: "[1e0]"), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent with a leading zero",
      file(one(shape: "[01]"), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent that is a text",
      file(one(shape: #"["1"]"#), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent that is a truth",
      file(one(shape: "[true]"), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal("axes in axes", file(one(shape: nested), bytes: 1), .malformed, at: 36, in: "t"),
    Refusal(
      "an extent beyond 64 bits",
      file(one(shape: "[18446744073709551616]"), bytes: 1),
      .malformed,
      at: 36,
      in: "t"
    ),
    Refusal(
      "an extent beyond 63 bits",
      file(one(shape: "[2,18446744073709551614]"), bytes: 1),
      .malformed,
      at: 38,
      in: "t"
    ),
    Refusal(
      "elements beyond 63 bits",
      file(one(shape: "[4294967296,4294967296]"), bytes: 1),
      .limitExceeded,
      at: 9,
      in: "t"
    ),
    Refusal(
      "bits beyond 63 bits",
      file(one(dtype: #""I64""#, shape: "[2,4611686018427387903]", offsets: "[0,16]"), bytes: 16),
      .limitExceeded,
      at: 9,
      in: "t"
    ),
    Refusal(
      "half a byte",
      file(one(dtype: #""F4""#, shape: "[3]", offsets: "[0,2]"), bytes: 2),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "three quarters of a byte",
      file(one(dtype: #""F6_E2M3""#), bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal("one offset", file(one(offsets: "[0]"), bytes: 1), .malformed, at: 39, in: "t"),
    Refusal("three offsets", file(one(offsets: "[0,1,1]"), bytes: 1), .malformed, at: 39, in: "t"),
    Refusal(
      "offsets that are no array",
      file(one(offsets: "0"), bytes: 1),
      .malformed,
      at: 54,
      in: "t"
    ),
    Refusal(
      "a negative offset",
      file(one(offsets: "[-1,0]"), bytes: 1),
      .malformed,
      at: 55,
      in: "t"
    ),
    Refusal(
      "an end before the beginning",
      file(one(shape: "[0]", offsets: "[1,0]"), bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "too few bytes for the shape",
      file(one(shape: "[2]"), bytes: 1),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "too many bytes for the shape",
      file(one(offsets: "[0,2]"), bytes: 2),
      .malformed,
      at: 9,
      in: "t"
    ),
    Refusal(
      "offsets near the end of the numbers",
      file(one(offsets: "[9223372036854775806,9223372036854775807]"), bytes: 1),
      .limitExceeded,
      at: 9,
      in: "t"
    ),
    // The tensors together.
    Refusal("a name twice", file(two("0,1", "1,2", names: "aa"), bytes: 2), .malformed, at: 61),
    Refusal(
      "the same tensor twice",
      file(two("0,1", "0,1", names: "aa"), bytes: 1),
      .malformed,
      at: 61
    ),
    Refusal(
      "names that look the same",
      file(
        #"{"\u00e9":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"#
          + #""e\u0301":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
        bytes: 2
      ),
      .unsupported,
      at: 66,
      in: "é"
    ),
    Refusal("a gap in front", file(one(offsets: "[1,2]"), bytes: 2), .malformed, at: 9, in: "t"),
    Refusal(
      "a gap between tensors",
      file(two("0,1", "2,3"), bytes: 3),
      .malformed,
      at: 61,
      in: "b"
    ),
    Refusal("tensors that overlap", file(two("0,2", "1,3"), bytes: 3), .malformed, at: 61, in: "b"),
    Refusal(
      "tensors in the same place",
      file(two("0,1", "0,1"), bytes: 1),
      .malformed,
      at: 61,
      in: "b"
    ),
    Refusal(
      "one tensor in another",
      file(two("0,3", "1,2"), bytes: 3),
      .malformed,
      at: 61,
      in: "b"
    ),
    Refusal(
      "nothing inside a tensor",
      file(two("0,2", "1,1"), bytes: 2),
      .malformed,
      at: 61,
      in: "b"
    ),
    Refusal(
      "nothing in front of the data",
      file(two("1,1", "0,2"), bytes: 2),
      .malformed,
      at: 9,
      in: "a"
    ),
    Refusal(
      "nothing behind the data",
      file(two("0,1", "5,5"), bytes: 1),
      .malformed,
      at: 61,
      in: "b"
    ),
    Refusal("bytes behind the last tensor", file(two("0,1", "1,2"), bytes: 5), .malformed, at: 115),
    Refusal("bytes without a tensor", file("{}", bytes: 3), .malformed, at: 10),
    Refusal(
      "a tensor that is cut off",
      file(two("0,1", "1,3"), bytes: 2),
      .truncated,
      at: 114,
      in: "b"
    ),
    Refusal(
      "a tensor that is missing",
      file(two("0,1", "1,3"), bytes: 1),
      .truncated,
      at: 114,
      in: "b"
    ),
    Refusal(
      "a terabyte",
      file(one(shape: "[1099511627776]", offsets: "[0,1099511627776]")),
      .truncated,
      at: 85,
      in: "t"
    ),
  ]

  @Test("What is no safetensors file is refused, with its place", arguments: refusals)
  func refused(refusal: Refusal) throws {
    let bytes = try storage(refusal.bytes)
    let error = try #require(throws: FlywheelError.self) {
      _ = try SafetensorsFile(bytes, path: "a.safetensors")
    }
    #expect(error.code == refusal.code, "\(error)")
    #expect(error.location.byteOffset == refusal.offset, "\(error)")
    #expect(error.location.tensor == refusal.tensor, "\(error)")
    #expect(error.location.path == "a.safetensors")
  }

  private static let good = file(
    Array(
      (#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"#
        + #""a":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},"#
        + #""c":{"dtype":"BOOL","shape":[3],"data_offsets":[12,15]}}"#).utf8
    ),
    Array(repeating: 1, count: 15)
  )

  @Test("A file that is cut anywhere is refused")
  func cut() throws {
    #expect(try SafetensorsFile(storage(Self.good), path: "a").contents().count == 3)
    for count in 0..<Self.good.count {
      let bytes = try storage(Array(Self.good[..<count]))
      let error = #expect(throws: FlywheelError.self) { _ = try SafetensorsFile(bytes, path: "a") }
      #expect(error?.code == .truncated, "\(count)")
      #expect((error?.location.byteOffset).map { $0 <= UInt64(count) } == true, "\(count)")
    }
  }

  @Test("A header with any one byte changed in any way is read or refused")
  func changed() throws {
    let headerByteCount = Self.good.count - 15
    for place in 0..<headerByteCount {
      for bit in 0..<8 {
        var changed = Self.good
        changed[place] ^= 1 << bit
        guard let file = try? SafetensorsFile(storage(changed), path: "a") else { continue }
        let found = try file.contents()
        #expect(found.values.reduce(0) { $0 + $1.count } <= 15)
      }
    }
  }

  @Test("Headers with several bytes changed are read or refused")
  func changedMore() throws {
    var random = Philox(seed: 13, stream: 0)
    for _ in 0..<3_000 {
      var changed = Self.good
      for _ in 0...(random.next() % 4) {
        let place = 8 + Int(random.next() % UInt64(changed.count - 8))
        changed[place] = UInt8(truncatingIfNeeded: random.next())
      }
      guard let file = try? SafetensorsFile(storage(changed), path: "a") else { continue }
      _ = try file.metadata()
      #expect(try file.contents().values.reduce(0) { $0 + $1.count } <= 15)
    }
  }
}
