import FlywheelRun
import Testing

@Suite("Retention")
struct RetentionTests {
  /// Checkpoints at steps 10, 20, …, saved a minute apart, with these values of `loss`.
  private func records(losses: [Double?]) -> [Retention.Record] {
    losses.enumerated().map { index, loss in
      Retention.Record(
        step: 10 * (index + 1),
        time: 60 * index,
        metrics: loss.map { ["loss": $0] } ?? [:]
      )
    }
  }

  private func kept(_ policy: Retention, _ records: [Retention.Record]) -> [Int] {
    let surplus = Set(policy.surplus(of: records))
    return records.map(\.step).filter { !surplus.contains($0) }.sorted()
  }

  @Test("The newest stays, whatever numbers were set", arguments: [0, -1, .min])
  func senselessNumbers(number: Int) {
    var policy = Retention(best: .init(1, by: "loss", .min))
    policy.last = number
    policy.best?.count = number
    #expect(kept(policy, records(losses: [1, 2, 3])) == [30])
  }

  @Test(
    "Each rule keeps its own",
    arguments: [
      (Retention(last: 2), [50, 60]),
      (Retention(best: .init(2, by: "loss", .min)), [20, 40, 60]),
      (Retention(best: .init(1, by: "loss", .max)), [10, 60]),
      (Retention(best: .init(9, by: "loss", .min)), [10, 20, 40, 50, 60]),
      (Retention(best: .init(2, by: "accuracy", .max)), [60]),
      (Retention(everySteps: 20), [10, 30, 50, 60]),
      (Retention(everySteps: 25), [10, 40, 60]),
      (Retention(everyMinutes: 2), [10, 30, 50, 60]),
      (Retention(everyMinutes: 2.5), [10, 40, 60]),
      (Retention(last: 2, best: .init(1, by: "loss", .min), everySteps: 40), [10, 20, 50, 60]),
    ] as [(Retention, [Int])]
  )
  func rules(policy: Retention, expected: [Int]) {
    #expect(kept(policy, records(losses: [9, 1, .nan, 2, 7, nil])) == expected)
  }

  @Test("Of equal values the earlier stays, and what is no number is never the best")
  func ties() {
    let policy = Retention(best: .init(1, by: "loss", .min))
    #expect(kept(policy, records(losses: [.nan, 3, 3, 3, .nan])) == [20, 50])
    #expect(kept(policy, records(losses: [.nan, .nan])) == [20])
    #expect(kept(policy, records(losses: [.infinity, .nan, nil])) == [10, 30])
    #expect(kept(policy, []) == [])
  }

  @Test("A clock that was set back keeps fewer, never none")
  func clock() {
    let times = [0, 300, -900, -600, 400]
    let records = times.enumerated().map { Retention.Record(step: $0, time: $1) }
    #expect(kept(Retention(everyMinutes: 2), records) == [0, 1, 4])
  }

  /// A policy and a series of checkpoints drawn at random.
  private struct Draw {
    var policy: Retention
    var records: [Retention.Record]

    init(seed: UInt64) {
      var random = SplitMix(state: seed)
      func number(_ range: ClosedRange<Int>) -> Int { .random(in: range, using: &random) }
      policy = Retention(last: number(1...4))
      if number(0...2) > 0 {
        policy.best = .init(number(1...3), by: "loss", number(0...1) == 0 ? .min : .max)
      }
      if number(0...2) == 0 { policy.everySteps = number(1...40) }
      if number(0...2) == 0 { policy.everyMinutes = Double(number(1...20)) / 2 }
      var (step, time) = (0, 1_000_000)
      records = []
      for _ in 0..<number(0...20) {
        let values: [Double?] = [nil, .nan, 0, 1, 2, 3, -.infinity]
        let loss = values[number(0...values.count - 1)]
        records.append(.init(step: step, time: time, metrics: loss.map { ["loss": $0] } ?? [:]))
        step += number(1...30)
        time += number(-30...300)
      }
    }
  }

  private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }

  @Test("The newest always stays, and never more than the rules together allow", arguments: 0..<300)
  func bounds(seed: UInt64) throws {
    let draw = Draw(seed: seed)
    let left = kept(draw.policy, draw.records)
    #expect(left.last == draw.records.last?.step)
    var most = draw.policy.last + (draw.policy.best?.count ?? 0)
    let steps = draw.records.map(\.step)
    if let every = draw.policy.everySteps, let first = steps.first, let last = steps.last {
      most += (last - first) / every + 1
    }
    if let every = draw.policy.everyMinutes, let first = draw.records.first?.time {
      let latest = draw.records.map(\.time).max() ?? first
      most += Int(Double(latest - first) / (60 * every)) + 1
    }
    #expect(left.count <= most)
  }

  @Test("Order does not matter, and what stayed stays", arguments: 0..<300)
  func stability(seed: UInt64) {
    let draw = Draw(seed: seed)
    let left = kept(draw.policy, draw.records)
    #expect(kept(draw.policy, draw.records.reversed()) == left)
    #expect(kept(draw.policy, draw.records.shuffled()) == left)
    let survivors = draw.records.filter { left.contains($0.step) }
    #expect(kept(draw.policy, survivors) == left)
  }

  @Test("Deleting after every save ends as deleting once does", arguments: 0..<300)
  func increments(seed: UInt64) {
    let draw = Draw(seed: seed)
    var present: [Retention.Record] = []
    for record in draw.records {
      present.append(record)
      let surplus = Set(draw.policy.surplus(of: present))
      present.removeAll { surplus.contains($0.step) }
    }
    #expect(present.map(\.step) == kept(draw.policy, draw.records))
  }
}
