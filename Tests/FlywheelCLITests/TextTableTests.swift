import Testing

@testable import FlywheelCLI

@Suite("A table of text")
struct TextTableTests {
  @Test("begins its columns below each other, and ends no line in spaces")
  func columns() {
    #expect(
      TextTable.lines([["w", "float32", "8 B"], ["weight", "", "16 B"], ["b", "int8", ""], [""]])
        == [
          "w       float32  8 B",
          "weight           16 B",
          "b       int8",
          "",
        ]
    )
  }

  @Test("counts characters, not bytes, and begins where it is told to")
  func characters() {
    let lines = TextTable.lines([["μ", "1"], ["beta", "2"]], indent: 2)
    #expect(lines == ["  μ     1", "  beta  2"])
  }

  @Test("takes rows of different lengths, and none")
  func lengths() {
    #expect(TextTable.lines([["a"], ["b", "c"]]) == ["a", "b  c"])
    #expect(TextTable.lines([]) == [])
  }
}
