import FlywheelCore
import Testing

struct JSONObjectTests {
  private func object(_ text: String, path: String = "/") throws -> JSONObject {
    try JSONObject(JSONValue(parsing: Array(text.utf8)), path: path)
  }

  @Test("Members are read with their types")
  func members() throws {
    var root = try object(
      """
      {"rule": "momentum", "step": 400, "seed": 18446744073709551615, "lr": 0.1, "whole": 3,
       "nan": {"float64": "0x7ff8000000000001"}, "nesterov": false, "shape": [30, 784],
       "scales": [1, 0.5], "names": ["a", "b"], "groups": [{"lr": 1.0}, {"lr": 2.0}],
       "progress": {"epoch": 3}, "anything": null}
      """
    )
    #expect(try root.string("rule") == "momentum")
    #expect(try root.integer("step", in: 0...) == 400)
    #expect(try root.unsigned("seed") == .max)
    #expect(try root.double("lr") == 0.1)
    #expect(try root.double("whole") == 3)
    #expect(try root.double("nan").bitPattern == 0x7ff8_0000_0000_0001)
    #expect(try root.bool("nesterov") == false)
    #expect(try root.integers("shape", in: 0...) == [30, 784])
    #expect(try root.doubles("scales") == [1, 0.5])
    #expect(try root.strings("names") == ["a", "b"])
    var rates: [Double] = []
    for var group in try root.objects("groups") {
      rates.append(try group.double("lr"))
      try group.refuseOtherMembers()
    }
    #expect(rates == [1, 2])
    var progress = try root.object("progress")
    #expect(progress.path == "/progress")
    #expect(try progress.integer("epoch") == 3)
    #expect(try root.value("anything") == .null)
    try root.refuseOtherMembers()
  }

  @Test("Optional members are nil when absent or null", arguments: [true, false])
  func optionalMembers(isNull: Bool) throws {
    let names = ["v", "s", "b", "i", "u", "d", "o", "os"]
    let nulls = names.map { "\"\($0)\":null" }.joined(separator: ",")
    var absent = try object(isNull ? "{\(nulls)}" : "{}")
    #expect(absent.optionalValue("v") == nil)
    #expect(try absent.optionalString("s") == nil)
    #expect(try absent.optionalBool("b") == nil)
    #expect(try absent.optionalInteger("i", in: 0...) == nil)
    #expect(try absent.optionalUnsigned("u") == nil)
    #expect(try absent.optionalDouble("d") == nil)
    #expect(try absent.optionalObject("o") == nil)
    #expect(try absent.optionalObjects("os") == nil)
    try absent.refuseOtherMembers()

    var present = try object(
      #"{"v":1,"s":"x","b":true,"i":2,"u":3,"d":0.5,"o":{},"os":[{}]}"#
    )
    #expect(present.optionalValue("v") == 1)
    #expect(try present.optionalString("s") == "x")
    #expect(try present.optionalBool("b") == true)
    #expect(try present.optionalInteger("i") == 2)
    #expect(try present.optionalUnsigned("u") == 3)
    #expect(try present.optionalDouble("d") == 0.5)
    #expect(try present.optionalObject("o")?.path == "/o")
    #expect(try present.optionalObjects("os")?.map(\.path) == ["/os/0"])
    try present.refuseOtherMembers()
  }

  /// A way to ask for the member `x`.
  struct Question: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let wrongTexts: [String]
    let ask: @Sendable (inout JSONObject) throws -> Void
  }

  static let questions: [Question] = [
    Question(
      testDescription: "string",
      wrongTexts: ["null", "1", "[]", "{}", "true"],
      ask: { _ = try $0.string("x") }
    ),
    Question(
      testDescription: "bool",
      wrongTexts: ["null", "1", "0", "\"true\""],
      ask: { _ = try $0.bool("x") }
    ),
    Question(
      testDescription: "integer of at least 0",
      wrongTexts: ["null", "-1", "1.0", "\"1\"", "1e3", "18446744073709551615", "-0", "[1]"],
      ask: { _ = try $0.integer("x", in: 0...) }
    ),
    Question(
      testDescription: "integer in 1...9",
      wrongTexts: ["0", "10", "-9223372036854775808", "9223372036854775807"],
      ask: { _ = try $0.integer("x", in: 1...9) }
    ),
    Question(
      testDescription: "unsigned",
      wrongTexts: ["null", "-1", "1.0", "-9223372036854775808"],
      ask: { _ = try $0.unsigned("x") }
    ),
    Question(
      testDescription: "double",
      wrongTexts: [
        "null", "\"0.1\"", "\"nan\"", "[0.1]", "{}", "9007199254740993", "18446744073709551615",
        #"{"float64":"0x7ff800000000000"}"#, #"{"float64":"0x7ff80000000000011"}"#,
        #"{"float64":"7ff8000000000001"}"#, #"{"float64":"0x+ff8000000000001"}"#,
        #"{"float64":"0x7ff800000000000g"}"#, #"{"float64":1}"#, #"{"float32":"0x7fc00001"}"#,
        #"{"float64":"0x7ff8000000000001","y":1}"#,
      ],
      ask: { _ = try $0.double("x") }
    ),
    Question(
      testDescription: "object",
      wrongTexts: ["null", "[]", "1", "\"{}\""],
      ask: { _ = try $0.object("x") }
    ),
    Question(
      testDescription: "objects",
      wrongTexts: ["null", "{}", "[{},1]", "[null]"],
      ask: { _ = try $0.objects("x") }
    ),
    Question(
      testDescription: "strings",
      wrongTexts: ["null", "\"a\"", "[\"a\",1]"],
      ask: { _ = try $0.strings("x") }
    ),
    Question(
      testDescription: "integers",
      wrongTexts: ["null", "1", "[1,-1]", "[1.0]"],
      ask: { _ = try $0.integers("x", in: 0...) }
    ),
    Question(
      testDescription: "doubles",
      wrongTexts: ["null", "1", "[\"1\"]"],
      ask: { _ = try $0.doubles("x") }
    ),
  ]

  @Test("A member of another type is malformed, a missing one is not found", arguments: questions)
  func wrongMembers(question: Question) throws {
    for text in question.wrongTexts {
      var wrong = try object("{\"x\":\(text)}", path: "/a/0")
      let error = #expect(throws: FlywheelError.self) { try question.ask(&wrong) }
      #expect(error?.code == .malformed, "\(text)")
      #expect(error?.message.contains("at /a/0/x") == true, "\(text): \(error?.message ?? "")")
    }
    var empty = try object("{}", path: "/a/0")
    let error = #expect(throws: FlywheelError.self) { try question.ask(&empty) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("'x' is missing in /a/0") == true)
  }

  @Test("An optional member of another type is malformed, not nil")
  func wrongOptional() throws {
    var members = try object(#"{"x":"1"}"#)
    #expect(throws: FlywheelError.self) { try members.optionalInteger("x") }
    #expect(throws: FlywheelError.self) { try members.optionalDouble("x") }
    #expect(throws: FlywheelError.self) { try members.optionalObject("x") }
  }

  @Test("Errors name the path, what was found and what was expected")
  func wording() throws {
    var root = try object(#"{"groups":[{"lr":1},{"lr":"fast"}],"step":-1,"count":12}"#)
    var groups = try root.objects("groups")
    let rate = #expect(throws: FlywheelError.self) { try groups[1].double("lr") }
    #expect(
      rate?.message
        == "Found the string 'fast' at /groups/1/lr where a number that a 64-bit float holds "
        + "exactly was expected."
    )
    let step = #expect(throws: FlywheelError.self) { try root.integer("step", in: 0...) }
    #expect(
      step?.message == "Found the integer -1 at /step where an integer of at least 0 was expected."
    )
    let count = #expect(throws: FlywheelError.self) { try root.integer("count", in: 1...9) }
    #expect(
      count?.message == "Found the integer 12 at /count where an integer in 1...9 was expected."
    )
    let whole = #expect(throws: FlywheelError.self) { try JSONObject([1, 2]) }
    #expect(whole?.message == "Found an array of 2 at / where an object was expected.")
  }

  @Test("A member that nobody asked for is named")
  func unknownMember() throws {
    var members = try object(#"{"rule":"sgd","\u001b[2J\u202ex":1,"y":2}"#, path: "/optimizer")
    _ = try members.string("rule")
    // Asking for what is not there does not hide what is.
    _ = try members.optionalString("absent")
    _ = try members.optionalString("absent too")
    _ = try members.optionalString("and this")
    let error = #expect(throws: FlywheelError.self) { try members.refuseOtherMembers() }
    #expect(error?.code == .malformed)
    #expect(error?.message.contains("unknown member '\\u{1B}[2J\\u{202E}x' in /optimizer") == true)
    #expect(members.names == ["rule", "\u{1b}[2J\u{202e}x", "y"])
  }

  @Test("A copy keeps its own account of what was asked for")
  func copies() throws {
    let original = try object(#"{"a":1}"#)
    var copy = original
    _ = try copy.integer("a")
    try copy.refuseOtherMembers()
    #expect(throws: FlywheelError.self) { try original.refuseOtherMembers() }
  }
}
