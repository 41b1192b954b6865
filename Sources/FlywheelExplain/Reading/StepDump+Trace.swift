import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections
import SystemPackage

extension StepDump {
  /// Takes a trace as a dump: it says which rule was used, and with which numbers.
  init(_ trace: Trace, at path: FilePath) throws(FlywheelError) {
    guard trace.rows.count > 1 else {
      throw FlywheelError(
        .invalidArgument,
        "The trace has \(trace.rows.count) row, and a step is seen between two: trace more steps.",
        at: .init(path: path)
      )
    }
    let rule = UpdateRule.preset(trace.optimizer.rule)
    let isAdaptive = if case .adaptive? = rule { true } else { false }
    var series: [TensorSeries] = []
    for (name, parameter) in trace.parameters {
      var one = TensorSeries(
        name: name,
        isWeight: parameter.axes.count > 1,
        weights: try Self.rows(parameter.values, name),
        gradients: try Self.rows(parameter.gradients, name)
      )
      for (slot, buffers) in trace.optimizer.slots {
        guard let buffers = buffers[name] else { continue }
        // A buffer once made stays: those that there are belong to the last rows.
        let rows = try Self.rows(buffers, name)
        let row =
          Array(repeating: nil, count: trace.rows.count - rows.count) + rows.map(Optional.some)
        if isAdaptive || slot != SGDRule.slotName {
          one.slots[slot] = row
        } else {
          one.velocities = row
        }
      }
      series.append(one)
    }
    self.init(series: series, firstStep: trace.rows.first?.step, sizes: trace.optimizer.sizes)
    if let rule, let group = trace.optimizer.groups.first {
      declared = (rule, group.hyperparameters)
    }
    if trace.rows.allSatisfy({ Set($0.learningRates).count == 1 }) {
      learningRates = trace.rows.compactMap(\.learningRates.first)
    } else {
      notes.append("the groups of the trace have learning rates of their own")
    }
    if trace.optimizer.groups.count > 1 {
      notes.append(
        "the trace has \(trace.optimizer.groups.count) groups of parameters; the numbers are the first's"
      )
    }
    if trace.optimizer.gradient == .sum {
      notes.append("the gradients of the trace are sums over the mini-batch")
    }
    if let clipping = trace.optimizer.clipping {
      notes.append(
        "the trainer clips gradients to a norm of \(clipping.maximumNorm); the trace has them unclipped"
      )
    }
  }

  private static func rows(
    _ tensor: Tensor,
    _ name: String
  ) throws(FlywheelError) -> [Tensor] {
    try FlywheelError.locating(tensor: name) { () throws(FlywheelError) in
      let rows = try tensor.rows()
      for (index, row) in rows.enumerated() where !row.isFinite {
        throw FlywheelError(
          .invalidArgument,
          "Row \(index) holds NaN or an infinity: the training had already broken down. Trace earlier "
            + "steps."
        )
      }
      return rows
    }
  }
}
