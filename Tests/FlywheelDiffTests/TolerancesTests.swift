import FlywheelConvert
import FlywheelCore
import FlywheelDiff
import Testing

@Suite("Tolerances by name and type")
struct TolerancesTests {
  @Test("Of two types the coarser counts, whichever side it is on")
  func coarser() {
    let tolerances = Tolerances()
    for (first, second) in [
      (DType.float32, DType.bfloat16), (.float64, .float16), (.int32, .float32),
    ] {
      let tolerance = tolerances.tolerance(for: "w", first, second)
      #expect(tolerance == Tolerance.standard(for: second))
      #expect(tolerance == tolerances.tolerance(for: "w", second, first))
    }
  }

  @Test("What is asked for replaces only what it names, but ulps replace the rest")
  func changes() {
    let standard = Tolerance.standard(for: .float32)
    func tolerance(_ change: Tolerances.Change) -> Tolerance {
      Tolerances(common: change).tolerance(for: "w", .float32, .float32)
    }
    #expect(
      tolerance(.init(relative: 0.5)) == Tolerance(relative: 0.5, absolute: standard.absolute)
    )
    #expect(
      tolerance(.init(absolute: 0.5)) == Tolerance(relative: standard.relative, absolute: 0.5)
    )
    #expect(tolerance(.init(ulps: 4)) == Tolerance(ulps: 4))
    #expect(tolerance(.init(absolute: 1, ulps: 4)) == Tolerance(absolute: 1, ulps: 4))
    #expect(tolerance(.init(equatesNaN: false)).equatesNaN == false)
    #expect(tolerance(.init(isExact: true)) == .exact)
  }

  @Test("The first override that matches counts, over what is asked for all")
  func overrides() {
    let tolerances = Tolerances(
      common: .init(isExact: true),
      overrides: [
        .init(pattern: NamePattern("*.bias"), change: .init(relative: 1)),
        .init(pattern: NamePattern("**"), change: .init(relative: 2)),
      ]
    )
    #expect(tolerances.tolerance(for: "a.bias", .float32, .float32).relative == 1)
    #expect(tolerances.tolerance(for: "a.weight", .float32, .float32).relative == 2)
    #expect(!tolerances.tolerance(for: "a.weight", .float32, .float32).isExact)
  }
}
