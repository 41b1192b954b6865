import FlywheelCore
import FlywheelOptim
import Testing

/// Schedules as functions of a count against PyTorch's, which go from step to step.
@Suite("Schedules")
struct ScheduleTests {
  @Test("A constant schedule leaves the rate as it is", arguments: [0, 1, 1000, Int.max])
  func constant(count: Int) {
    #expect(Schedule.constant.factor(after: count) == 1)
  }

  @Test("A step schedule multiplies after every so many units")
  func step() {
    let schedule = Schedule(shape: .step(every: 3, factor: 0.5))
    #expect((0..<8).map { schedule.factor(after: $0) } == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25])
  }

  @Test("A multi-step schedule multiplies at each milestone")
  func multiStep() {
    let schedule = Schedule(shape: .multiStep(at: [2, 5], factor: 0.5))
    #expect((0..<7).map { schedule.factor(after: $0) } == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25])
  }

  @Test("A cosine goes as PyTorch's recursion does, and stays at its end", arguments: [0, 0.1, 1])
  func cosine(end: Double) {
    let over = 10
    let schedule = Schedule(shape: .cosine(over: over, end: end))
    // lr_scheduler.py: lr' - eta_min = (lr - eta_min)(1 + cos(pi t/T))/(1 + cos(pi (t-1)/T))
    var rate = 1.0
    for count in 1..<over {
      let ratio =
        (1 + _cos(.pi * Double(count) / Double(over)))
        / (1 + _cos(.pi * Double(count - 1) / Double(over)))
      rate = end + (rate - end) * ratio
      #expect(abs(schedule.factor(after: count) - rate) < 1e-14)
    }
    #expect(schedule.factor(after: over) == end)
    #expect(schedule.factor(after: .max) == end)
  }

  @Test("A line goes from 1 to its end, and stays there")
  func linear() {
    let schedule = Schedule(shape: .linear(over: 4, end: 0.5))
    #expect((0..<7).map { schedule.factor(after: $0) } == [1, 0.875, 0.75, 0.625, 0.5, 0.5, 0.5])
  }

  @Test(
    "A warm-up comes first, and the course begins where it ends",
    arguments: [
      Schedule.Shape.constant, .step(every: 2, factor: 0.1), .multiStep(at: [1, 3], factor: 0.1),
      .cosine(over: 5, end: 0), .linear(over: 5, end: 0),
    ]
  )
  func warmup(shape: Schedule.Shape) {
    let plain = Schedule(shape: shape, unit: .step)
    let warm = Schedule(shape: shape, unit: .step, warmup: .init(over: 4, start: 0.2))
    #expect((0..<4).map { warm.factor(after: $0) } == [0.2, 0.4, 0.6000000000000001, 0.8])
    for count in 0..<10 {
      #expect(warm.factor(after: count + 4) == plain.factor(after: count))
    }
  }

  @Test(
    "A schedule that makes no sense is refused, naming the number",
    arguments: [
      (Schedule(shape: .step(every: 0, factor: 0.1)), "every"),
      (Schedule(shape: .step(every: 1, factor: -0.1)), "factor"),
      (Schedule(shape: .step(every: 1, factor: .nan)), "factor"),
      (Schedule(shape: .multiStep(at: [], factor: 0.1)), "milestones"),
      (Schedule(shape: .multiStep(at: [3, 3], factor: 0.1)), "milestones"),
      (Schedule(shape: .multiStep(at: [0], factor: 0.1)), "milestones"),
      (Schedule(shape: .cosine(over: 0, end: 0)), "over"),
      (Schedule(shape: .linear(over: 1, end: .infinity)), "end"),
      (Schedule(shape: .constant, warmup: .init(over: 0, start: 0)), "warmup"),
      (Schedule(shape: .constant, warmup: .init(over: 1, start: 1.5)), "warmup_start"),
    ]
  )
  func refused(schedule: Schedule, name: String) {
    let error = #expect(throws: FlywheelError.self) { try schedule.validate() }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains(name) == true)
  }

  @Test("No count and no numbers make a schedule trap")
  func extremes() {
    let shapes: [Schedule.Shape] = [
      .step(every: 0, factor: 0.1), .multiStep(at: [Int.max], factor: 2), .cosine(over: 0, end: 0),
      .linear(over: Int.max, end: 0),
    ]
    for shape in shapes {
      for count in [Int.min, -1, 0, Int.max] {
        let warm = Schedule(shape: shape, warmup: .init(over: Int.max, start: 0))
        _ = warm.factor(after: count)
        _ = Schedule(shape: shape).factor(after: count)
      }
    }
  }

  @Test("Gradients are clipped as clip_grad_norm_ does")
  func clipping() throws {
    let clipping = try GradientClipping(maximumNorm: 2)
    #expect(clipping.factor(norm: 0) == 1)
    #expect(clipping.factor(norm: 1.9) == 1)
    #expect(clipping.factor(norm: 8) == 2 / (8 + 1e-6))
    #expect(clipping.factor(norm: .infinity) == 0)
    #expect(clipping.factor(norm: .nan).isNaN)
    for bad in [0, -1, .nan, .infinity] as [Double] {
      #expect(throws: FlywheelError.self) { try GradientClipping(maximumNorm: bad) }
    }
  }
}

/// Cosine by its Taylor series: the tests bring no mathematics library of their own.
private func _cos(_ angle: Double) -> Double {
  var (term, sum) = (1.0, 1.0)
  for index in stride(from: 1.0, through: 30, by: 2) {
    term *= -angle * angle / (index * (index + 1))
    sum += term
  }
  return sum
}
