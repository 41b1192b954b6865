import FlywheelConvert
import FlywheelCore
import Testing

@Suite("Names that patterns match, and new names")
struct NamePatternTests {
  @Test(
    "A star stays between slashes, two stars do not, a question mark is one character",
    arguments: [
      ("*", "a", ["a"]), ("*", "", [""]), ("*", "a/b", nil), ("**", "a/b", ["a/b"]),
      ("a?c", "abc", ["b"]), ("a?c", "a/c", nil), ("?", "é", ["é"]), ("?", "", nil),
      ("model/*.weight", "model/layers.0.weight", ["layers.0"]),
      ("model/*.weight", "model/layers.0.bias", nil),
      ("layers.*.*", "layers.0.weight.x", ["0", "weight.x"]),
      ("**/w", "a/b/w", ["a/b"]), ("**/w", "w", nil), ("**/*", "a/b/c", ["a/b", "c"]),
      ("a*a", "aa", [""]), ("a*a", "a", nil), ("a[0]", "a[0]", []), ("", "", []), ("", "a", nil),
    ] as [(String, String, [String]?)]
  )
  func matches(pattern: String, name: String, captures: [String]?) {
    #expect(NamePattern(pattern).captures(of: name) == captures)
    #expect(NamePattern(pattern).matches(name) == (captures != nil))
  }

  @Test("A pattern of many stars takes no more than the product of both lengths")
  func boundsTheWork() {
    let pattern = NamePattern(String(repeating: "**a", count: 100) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 1000)))
  }

  @Test(
    "A name is renamed whole or by its beginning",
    arguments: [
      ("a=b", "a", "b"), ("a=b", "a/c", nil), ("a=b", "ab", nil), ("a/=b/", "a/c/d", "b/c/d"),
      ("a/=", "a/c", "c"), ("a/=b/", "a", nil), ("a=b=c", "a", "b=c"), ("a=x/y", "a", "x/y"),
      ("module.=", "module.a.b", "a.b"), ("module.=", "modules.a", nil),
      ("a.0.=b.1.", "a.0.c", "b.1.c"),
      ("a/=a.", "a/c", "a.c"),
    ] as [(String, String, String?)]
  )
  func renames(text: String, name: String, expected: String?) throws {
    #expect(try Rename(parsing: text).newName(of: name) == expected)
  }

  @Test(
    "A renaming that would glue names together, or name nothing, is refused",
    arguments: ["a", "=b", "a=", "a/=b", "a=b/", "a.=b", "a=b.", ""]
  )
  func refusesRename(text: String) {
    #expect(throws: FlywheelError.self) { try Rename(parsing: text) }
  }

  @Test(
    "A rule's new name takes what the wildcards stand for",
    arguments: [
      ("layers.*.weight", "W{1}", "layers.0.weight", "W0"),
      ("**/*", "{2}/{1}", "a/b/c", "c/a/b"), ("a", "{b}{", "a", "{b}{"), ("?", "{1}{1}", "x", "xx"),
    ]
  )
  func namesByTemplate(pattern: String, rename: String, name: String, expected: String) throws {
    let rule = try MapRule(pattern: NamePattern(pattern), rename: rename)
    #expect(rule.newName(of: name) == expected)
  }

  @Test(
    "A new name cannot ask for a wildcard that is not there",
    arguments: [("a", "{1}"), ("*", "{2}"), ("*", "{0}")]
  )
  func refusesTemplate(pattern: String, rename: String) {
    #expect(throws: FlywheelError.self) {
      try MapRule(pattern: NamePattern(pattern), rename: rename)
    }
  }
}
