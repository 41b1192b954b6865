import FlywheelCore

/// How fast training goes, for people who wait for it.
struct Pace {
  private let start = Clock.monotonic
  private let startCPU = Clock.cpu
  private var samplesDone = 0
  private let samplesToGo: Double
  private var lastReport = Clock.monotonic
  private var epochStart = Clock.monotonic
  private var epochStartCPU = Clock.cpu
  private var epochStartSamples = 0
  private var saving = 0.0
  private var lastSave = Clock.monotonic

  /// Often enough to look alive, seldom enough to cost nothing.
  private static let reportInterval = 0.1

  init(samplesToGo: Double) {
    self.samplesToGo = samplesToGo
  }

  mutating func startEpoch() {
    epochStart = Clock.monotonic
    epochStartCPU = Clock.cpu
    epochStartSamples = samplesDone
  }

  /// Counts samples; samples per second and seconds left if it is time to say something.
  mutating func advance(by count: Int) -> (rate: Double, secondsLeft: Double)? {
    samplesDone += count
    let now = Clock.monotonic
    guard now - lastReport >= Self.reportInterval else { return nil }
    lastReport = now
    let rate = Double(samplesDone) / (now - start)
    return (rate, max(0, samplesToGo - Double(samplesDone)) / rate)
  }

  /// Wall seconds, CPU seconds, and samples per wall second of the epoch at hand.
  var epoch: (seconds: Double, cpuSeconds: Double, rate: Double) {
    let seconds = max(Clock.monotonic - epochStart, 1e-9)
    let samples = Double(samplesDone - epochStartSamples)
    return (seconds, Clock.cpu - epochStartCPU, samples / seconds)
  }

  /// Runs a save, and counts how long training waited for it.
  mutating func save(_ body: () throws(FlywheelError) -> Void) throws(FlywheelError) {
    let start = Clock.monotonic
    defer {
      lastSave = Clock.monotonic
      saving += lastSave - start
    }
    try body()
  }

  /// Minutes since the last save, or since the start.
  var minutesWithoutSave: Double { (Clock.monotonic - lastSave) / 60 }

  /// Wall seconds that training waited for saves since this was asked last.
  mutating func takeSavingSeconds() -> Double {
    defer { saving = 0 }
    return saving
  }

  /// Samples per second of CPU time since the start.
  var samplesPerCPUSecond: Double {
    Double(samplesDone) / max(Clock.cpu - startCPU, 1e-9)
  }
}
