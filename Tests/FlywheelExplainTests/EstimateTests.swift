import FlywheelExplain
import Testing

struct EstimateTests {
  @Test("A number is not told from what lies within six standard errors")
  func reach() {
    let estimate = Estimate(0.9, standardError: 1e-3)
    #expect(estimate.isNear(0.9059) && !estimate.isNear(0.9061))
    #expect(!estimate.isZero && Estimate(5e-3, standardError: 1e-3).isZero)
  }
}
