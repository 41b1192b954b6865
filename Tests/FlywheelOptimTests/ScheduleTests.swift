import FlywheelCore
import FlywheelOptim
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Schedules against the recursive definitions of torch/optim/lr_scheduler.py: each rate from the last.
@Suite("Schedules")
struct ScheduleTests {
  private func expect(
    _ shape: Schedule.Shape,
    from first: Double = 1,
    next: (_ rate: Double, _ count: Int) -> Double
  ) {
    let schedule = Schedule(shape: shape)
    var rate = first
    for count in 0...40 {
      if count > 0 { rate = next(rate, count) }
      #expect(abs(schedule.factor(after: count) - rate) <= 1e-12, "after \(count)")
    }
  }

  @Test("A constant stays")
  func constant() { expect(.constant) { rate, _ in rate } }

  @Test("Steps multiply every so many units", arguments: [1, 7, 50])
  func steps(every: Int) {
    expect(.step(every: every, factor: 0.7)) { rate, count in
      count % every == 0 ? rate * 0.7 : rate
    }
  }

  @Test("Milestones multiply once each")
  func milestones() {
    let milestones = [1, 5, 6, 30]
    expect(.multiStep(at: milestones, factor: 0.5)) { rate, count in
      milestones.contains(count) ? rate * 0.5 : rate
    }
  }

  @Test("A cosine falls to its end and stays there", arguments: [1, 20, 100], [0, 0.1])
  func cosine(over: Int, end: Double) {
    expect(.cosine(over: over, end: end)) { rate, count in
      guard count < over else { return end }
      let angle = { (count: Int) in 1 + cos(Double.pi * Double(count) / Double(over)) }
      return end + (rate - end) * angle(count) / angle(count - 1)
    }
  }

  @Test("A line falls to its end and stays there", arguments: [1, 20, 100], [0, 0.1])
  func line(over: Int, end: Double) {
    expect(.linear(over: over, end: end)) { rate, count in
      guard count <= over else { return rate }
      return rate + (end - 1) / Double(over)
    }
  }

  @Test("A warm-up rises to 1, where the shape begins")
  func warmup() {
    let shape = Schedule.Shape.cosine(over: 10, end: 0.2)
    let warm = Schedule(shape: shape, warmup: .init(over: 4, start: 0.2))
    let expected = [0.2, 0.4, 0.6, 0.8]
    for (count, factor) in expected.enumerated() {
      #expect(abs(warm.factor(after: count) - factor) <= 1e-15)
    }
    for count in 0...12 {
      #expect(warm.factor(after: 4 + count) == Schedule(shape: shape).factor(after: count))
    }
  }

  @Test(
    "Numbers that make no sense are refused by name",
    arguments: [
      (Schedule(shape: .step(every: 0, factor: 1)), "every"),
      (Schedule(shape: .step(every: 1, factor: -1)), "factor"),
      (Schedule(shape: .multiStep(at: [], factor: 1)), "milestones"),
      (Schedule(shape: .multiStep(at: [3, 3], factor: 1)), "milestones"),
      (Schedule(shape: .multiStep(at: [0], factor: 1)), "milestones"),
      (Schedule(shape: .multiStep(at: [1, 1 << 53 + 1], factor: 1)), "milestones"),
      (Schedule(shape: .step(every: .max, factor: 1)), "every"),
      (Schedule(shape: .constant, warmup: .init(over: .max, start: 0)), "warmup"),
      (Schedule(shape: .cosine(over: 0, end: 0)), "over"),
      (Schedule(shape: .cosine(over: 1, end: .nan)), "end"),
      (Schedule(shape: .linear(over: 1, end: -1)), "end"),
      (Schedule(shape: .constant, warmup: .init(over: 0, start: 0)), "warmup"),
      (Schedule(shape: .constant, warmup: .init(over: 1, start: 1.5)), "warmup_start"),
    ]
  )
  func refusal(schedule: Schedule, word: String) {
    let error = #expect(throws: FlywheelError.self) { try schedule.validate() }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(word) == true)
  }
}
