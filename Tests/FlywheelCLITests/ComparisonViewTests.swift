import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDiff
import FlywheelOptim
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelCLI

@Suite("What diff prints")
struct ComparisonViewTests {
  /// A state with one parameter of this name and as many elements as are given.
  private static func checkpoint(
    _ name: String,
    _ values: [Double],
    step: Int = 3,
    rule: String = "pytorch",
    buffer: Double? = 1
  ) throws -> Checkpoint {
    let rule = try UpdateRule.named(rule)
    let value = try Tensor(vector: values)
    return Checkpoint(
      saved: .init(run: String(repeating: "0", count: 32), time: "2026-01-02T03:04:05Z"),
      parameters: [name: Parameter(value: value, group: 0, axes: ["out"])],
      optimizer: OptimizerState(
        rule: rule.name,
        groups: [
          ParameterGroup(hyperparameters: try rule.completed(.init([.learningRate: .number(0.05)])))
        ],
        step: step,
        slots: try buffer.map { ["velocity": [name: try value.combined(scale: $0)]] } ?? [:]
      ),
      progress: Progress()
    )
  }

  private static func lines(
    _ first: Checkpoint,
    _ second: Checkpoint,
    all: Bool = false
  ) throws -> [String] {
    let comparison = try Comparison(
      try DiffInput(first, from: "first.h5"),
      try DiffInput(second, from: "second.h5")
    )
    return ComparisonView(comparison, showsAll: all).lines.map { $0.text + $0.ending }
  }

  @Test("Lines fit 80 columns and end in no space, whatever names are", arguments: [1, 30, 300])
  func width(length: Int) throws {
    let name = String(repeating: "encoder.", count: length) + "weight"
    let first = try Self.checkpoint(name, [1, 2, 3])
    let others = try [
      Self.checkpoint(name, [1, 2, 3.5], step: 4), Self.checkpoint(name, [1, 2]),
      Self.checkpoint("b" + name, [1, 2, 3]), Self.checkpoint(name, [1, .nan, .infinity]),
      Self.checkpoint(name, [1, 2, 3], rule: "adam"),
      Self.checkpoint(name, [1, 2, 3], rule: "keras", buffer: -0.05),
    ]
    for other in others {
      for line in try Self.lines(first, other, all: true) + Self.lines(other, first) {
        #expect(line.count <= 80 || line.contains(name), "\(line)")
        #expect(!line.hasSuffix(" "), "\(line)")
      }
    }
  }

  @Test("What differs is named, with where and how far; what is the same is counted")
  func difference() throws {
    let text = try Self.lines(
      try Self.checkpoint("w", [1, 2, 3]),
      try Self.checkpoint("w", [1, 2, 3], step: 4, buffer: 1.5)
    )
    let words = text.joined(separator: " ").split(separator: " ").joined(separator: " ")
    #expect(words.contains("step 3 4 differs"))
    #expect(words.contains("optimizer/velocity/w"))
    #expect(!words.contains("model/w"))
    #expect(words.contains("1 beyond tolerance"))
    #expect(words.contains("1 other difference"))
  }

  @Test("What was converted is an equation between the sides")
  func conversion() throws {
    let text = try Self.lines(
      try Self.checkpoint("w", [1, 2, 3]),
      try Self.checkpoint("w", [1, 2, 3], rule: "keras", buffer: -0.05)
    )
    #expect(text.contains { $0.hasPrefix("w: velocity_A = -20.0 velocity_B; exact") })
    #expect(text.contains { $0.hasPrefix("rule") && $0.hasSuffix("in other words") })
    #expect(text.last?.hasPrefix("same: ") == true)
  }

  @Test(
    "Numbers take as few columns as they need",
    arguments: [
      (1_234_567.0, "1.2e6"), (0.00001234, "1.2e-5"), (12, "12"), (0.5, "0.5"), (.infinity, "inf"),
    ]
  )
  func compact(number: Double, text: String) {
    #expect(Formatting.compact(number, 2) == text)
  }

  @Test("A name is shortened in the middle, to as many columns as there are")
  func shortened() {
    #expect(Formatting.shortened("abcdefgh", to: 8) == "abcdefgh")
    #expect(Formatting.shortened("abcdefghi", to: 8) == "abc…fghi")
    #expect(Formatting.shortened("abc", to: 1) == "…")
  }
}
