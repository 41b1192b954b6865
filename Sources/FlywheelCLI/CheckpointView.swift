import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import SystemPackage

/// A checkpoint as text for people, at most 80 columns wide as far as names allow.
enum CheckpointView {
  static func lines(
    _ checkpoint: Checkpoint,
    schema: Int,
    _ path: FilePath,
    _ size: String
  ) -> [String] {
    let optimizer = checkpoint.optimizer
    let progress = checkpoint.progress
    var lines = [
      "\(path)",
      "  Flywheel checkpoint, schema \(schema), by \(checkpoint.writer)",
      "  run \(checkpoint.saved.run), saved \(checkpoint.saved.time)",
      "  \(size)",
      "",
      "progress   step \(Formatting.grouped(optimizer.step)), "
        + "\(Formatting.count(progress.epoch, "epoch")) and \(Formatting.grouped(progress.batch)) batches done, "
        + "\(Formatting.grouped(progress.samples)) samples",
    ]
    if let best = progress.best {
      lines.append(
        "best       \(best.metric) \(Formatting.fixed(best.value, 4)) "
          + "at step \(Formatting.grouped(best.step))"
      )
    }
    lines += optimizerLines(
      checkpoint.optimizer,
      groupOfEach: checkpoint.parameters.values.map(\.group)
    )
    if let schedule = checkpoint.schedule, schedule != .constant {
      lines += Formatting.wrapped(schedule.phrases, after: "schedule   ")
    }
    if let data = checkpoint.data {
      lines.append(
        "data       \(data.source): \(Formatting.grouped(data.training)) to train on, "
          + "\(Formatting.grouped(data.validation)) held out, \(Formatting.grouped(data.test)) to test"
      )
    }
    if let backend = checkpoint.backend {
      lines.append("computed   \(backend.products) products, \(backend.arithmetic) arithmetic")
    }
    return lines
  }

  /// The rule, what its gradients are, and what differs from group to group.
  static func optimizerLines(_ optimizer: OptimizerState, groupOfEach: [Int]) -> [String] {
    let sizes = optimizer.sizes.map {
      " over \($0.batch) of \(Formatting.grouped($0.training))"
    }
    var lines = [
      "optimizer  rule \(optimizer.rule), dialect \(optimizer.dialect), "
        + "gradient \(optimizer.gradient.rawValue)\(sizes ?? "")"
    ]
    for (index, group) in optimizer.groups.enumerated() {
      var phrases = group.hyperparameters.phrases
      if group.initialLearningRate != group.hyperparameters.learningRate {
        phrases[0] += " of \(group.initialLearningRate) at first"
      }
      if optimizer.groups.count > 1 {
        let count = groupOfEach.count { $0 == index }
        phrases.append(count == 1 ? "1 parameter" : "\(count) parameters")
      }
      lines += Formatting.wrapped(phrases, after: "  group \(index)  ")
    }
    if !optimizer.slots.isEmpty {
      lines += Formatting.wrapped(Array(optimizer.slots.keys), after: "  buffers  ")
    }
    if let clipping = optimizer.clipping {
      lines.append("clipping   to a norm of \(clipping.maximumNorm)")
    }
    return lines
  }

  /// Name, type, shape, size and storage of each array, and below it the statistics that are known, by key.
  static func table(
    _ members: [ArchiveMember],
    _ statistics: [String: TensorStatistics] = [:]
  ) -> [String] {
    var rows = members.map { member in
      [
        Formatting.name(member.key), Formatting.shortened(member.type, to: 120),
        member.shape.map { Formatting.shortened($0.description, to: 100) } ?? "?",
        member.byteCount.map { Formatting.bytes($0) } ?? "", member.storage,
      ]
    }
    let sizeColumn = 3
    let width = rows.map { $0[sizeColumn].count }.max() ?? 0
    for row in rows.indices where !rows[row][sizeColumn].isEmpty {
      rows[row][sizeColumn] = Formatting.right(rows[row][sizeColumn], width)
    }
    let lines = TextTable.lines(rows)
    guard !statistics.isEmpty else { return lines }
    let header = statisticsRow(["min", "max", "mean", "std", "norm"], ["zeros", "nan", "inf"])
    return [header]
      + zip(lines, members).flatMap { line, member in
        [line] + (statistics[member.key].map { [statisticsRow($0)] } ?? [])
      }
  }

  private static func statisticsRow(_ statistics: TensorStatistics) -> String {
    let numbers = [
      statistics.minimum, statistics.maximum, statistics.mean, statistics.standardDeviation,
      statistics.finiteCount > 0 ? statistics.norm : nil,
    ]
    let infinities = statistics.positiveInfinityCount + statistics.negativeInfinityCount
    return statisticsRow(
      numbers.map { $0.map { Formatting.significant($0, 4) } ?? "-" },
      [statistics.zeroCount, statistics.nanCount, infinities].map { count in
        count < 1_000_000 ? "\(count)" : Formatting.significant(Double(count), 2)
      }
    )
  }

  private static func statisticsRow(_ numbers: [String], _ counts: [String]) -> String {
    // 79 columns: five numbers as wide as -1.234e-05, three counts as wide as 1.2e+06.
    (numbers.map { " " + Formatting.right($0, 10) } + counts.map { " " + Formatting.right($0, 7) })
      .joined()
  }
}
