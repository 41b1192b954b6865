import ArgumentParser
import CFlywheelSystem
import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelTrain
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Runs a session on the command line: says what is going on, and ends with the right status.
struct TrainingRunner {
  private let options: ReportingOptions

  init(_ options: ReportingOptions) {
    self.options = options
    // Before anything is written; commands that only read are stopped by signals as usual.
    fw_signals_install()
  }

  /// Runs a session in a new directory: the one given, or the next free number.
  func run(
    in output: String?,
    _ start: (FilePath) throws(FlywheelError) -> TrainingSession
  ) throws {
    if let output {
      try run(try start(FilePath(output)))
      return
    }
    let path = try DefaultRun.claim()
    do {
      try run(try start(path))
    } catch {
      DefaultRun.release(path)
      throw error
    }
  }

  func run(_ session: consuming TrainingSession) throws {
    let view = TrainingProgressView(isQuiet: options.quiet)
    let path = session.path
    let epochs = session.configuration.epochs
    introduce(session, view)
    let result: TrainingResult
    do {
      result = try session.train(
        interruption: {
          let signal = fw_signals_pending()
          return signal == 0 ? nil : signal
        },
        report: { view.show($0) }
      )
    } catch {
      view.clear()
      throw error
    }
    conclude(result, view, path, epochs)
    if options.json { Terminal.output.print(Self.json(result, path).prettyText()) }
    if let signal = result.signal { throw ExitStatus.stopped(by: signal) }
  }

  private func introduce(
    _ session: borrowing TrainingSession,
    _ view: borrowing TrainingProgressView
  ) {
    let configuration = session.configuration
    for skipped in session.restoration?.skipped ?? [] {
      // Said even when quiet: it is the one thing that must not go unnoticed.
      Terminal.error.print("warning: skipped a damaged checkpoint: \(skipped.reason)")
    }
    if let change = session.restoration?.backendChange {
      Terminal.error.print("warning: \(change)")
    }
    let layers = LayerWidths(configuration.network.layers)
    let network = "\(layers) \(configuration.network.activation.rawValue)"
    var optimizer = ["\(configuration.rule.name)"] + configuration.hyperparameters.phrases
    if let clipping = configuration.clipping {
      optimizer.append("clipped to \(clipping.maximumNorm)")
    }
    if configuration.schedule != .constant { optimizer += configuration.schedule.phrases }
    var lines = Formatting.wrapped(optimizer, after: "run \(session.path)  \(network)  ")
    for group in configuration.groups {
      let names = group.parameters.joined(separator: ",")
      lines += Formatting.wrapped(group.hyperparameters.allPhrases, after: "  group \(names)  ")
    }
    for line in lines { view.say(line) }
    guard let restoration = session.restoration else { return }
    let progress = restoration.progress
    view.say(
      "restored \(restoration.counts.parameters) parameters and \(restoration.counts.buffers) "
        + "buffers at step \(Formatting.grouped(restoration.step)): "
        + "\(Formatting.count(progress.epoch, "epoch")) and \(Formatting.grouped(progress.batch)) batches done"
    )
    view.say("from \(restoration.path)")
    if let stop = restoration.earlyStop {
      view.say(Self.text(stop) + "; --no-early-stopping goes on")
    } else if progress.epoch >= configuration.epochs {
      view.say("all \(configuration.epochs) epochs are done already; --epochs N goes on to N")
    }
  }

  private func conclude(
    _ result: TrainingResult,
    _ view: borrowing TrainingProgressView,
    _ path: FilePath,
    _ epochs: Int
  ) {
    if let signal = result.signal {
      let name = [SIGINT: "SIGINT", SIGHUP: "SIGHUP"][signal] ?? "SIGTERM"
      view.say("stopped by \(name); saved \(result.checkpoint)")
      view.say("go on with: flywheel resume \(ShellWord.quoted(path.string))")
      return
    }
    if let stop = result.earlyStop { view.say(Self.text(stop)) }
    var parts: [String] = []
    if let best = result.progress.best {
      parts.append(
        best.metric == "validation_accuracy"
          ? "best validation \(Formatting.percent(best.value))"
          : "best \(best.metric) \(Formatting.fixed(best.value, 4))"
      )
    }
    if let accuracy = result.testAccuracy { parts.append("test \(Formatting.percent(accuracy))") }
    view.say(
      "done: \(Formatting.grouped(result.step)) steps"
        + (parts.isEmpty ? "" : ", " + parts.joined(separator: ", "))
    )
    view.say("saved \(result.checkpoint)")
  }

  private static func text(_ stop: EarlyStopping.Standing) -> String {
    "stopped early after epoch \(stop.epochs): \(stop.metric) has not improved since epoch "
      + "\(stop.epoch) (\(Formatting.fixed(stop.value, 4)))"
  }

  private static func json(_ result: TrainingResult, _ path: FilePath) -> JSONValue {
    [
      "run": JSONValue(path.string),
      "checkpoint": JSONValue(result.checkpoint.string),
      "trace": result.trace.map { JSONValue($0.string) } ?? .null,
      "finished": JSONValue(result.signal == nil),
      "stopped_early": result.earlyStop.map { stop in
        [
          "metric": JSONValue(stop.metric), "value": JSONValue(stop.value),
          "epoch": JSONValue(stop.epoch),
        ]
      } ?? .null,
      "epoch": JSONValue(result.progress.epoch),
      "step": JSONValue(result.step),
      "best": result.progress.best.map { best in
        [
          "metric": JSONValue(best.metric), "value": JSONValue(best.value),
          "step": JSONValue(best.step),
        ]
      } ?? .null,
      "test_loss": result.testLoss.map { JSONValue($0) } ?? .null,
      "test_accuracy": result.testAccuracy.map { JSONValue($0) } ?? .null,
      "samples_per_cpu_second": JSONValue(result.samplesPerCPUSecond),
    ]
  }
}
