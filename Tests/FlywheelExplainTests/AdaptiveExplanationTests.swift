import FlywheelCore
import FlywheelExplain
import FlywheelOptim
import Testing

struct AdaptiveExplanationTests {
  @Test(
    "An Adam-like rule is named with its numbers",
    arguments: ["adamw", "keras_rmsprop", "adagrad"]
  )
  func names(name: String) throws {
    guard case .adaptive(let rule)? = UpdateRule.preset(name) else { return }
    let numbers = try UpdateRule.adaptive(rule).completed(
      Hyperparameters([.learningRate: .number(0.002)])
    )
    let trainer = AdaptiveTrainer<Double>(rule: rule, numbers: numbers)
    let explanation = try AdaptiveExplanation(trainer.dump())
    #expect(explanation.rules.contains { $0.call == UpdateRule.adaptive(rule).call(numbers) })
  }
}
