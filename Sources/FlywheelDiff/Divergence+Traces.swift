public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections
import SystemPackage

extension Divergence {
  /// Compares two traces at every step that both have.
  ///
  /// - Parameters:
  ///   - first: The first trace.
  ///   - second: The second trace.
  ///   - options: What is asked for; names are those that a trace's tensors have.
  /// - Throws: `mismatch` if there is no step that both have, `limitExceeded` if there is no memory for a
  ///   buffer in the other's convention.
  public init(
    of first: Trace,
    and second: Trace,
    _ options: ComparisonOptions = ComparisonOptions()
  ) throws(FlywheelError) {
    try self.init(
      .rows,
      first: first.rows.map(\.step),
      second: second.rows.map(\.step)
    ) { (step) throws(FlywheelError) in
      try StepComparison(
        try first.input(atStep: step, "A"),
        try second.input(atStep: step, "B"),
        options
      )
    }
  }
}

extension Trace {
  /// What a row holds, as one side of a comparison: the state before its step, and the gradients; and
  /// what the trace is called where something is said of it.
  fileprivate func input(atStep step: Int, _ name: String) throws(FlywheelError) -> DiffInput {
    let row = step - optimizer.step
    var input = try DiffInput(try checkpoint(ofRow: row), from: FilePath(name))
    for (name, parameter) in parameters {
      let key = CheckpointKey.gradient(name)
      let gradient = try parameter.gradients.row(row)
      input.tensors.append(
        DiffTensor(name: key, key: key, role: .gradient(of: name), gradient)
      )
    }
    return input
  }

  /// The state before the step of a row, its tensors views of the trace.
  private func checkpoint(ofRow row: Int) throws(FlywheelError) -> Checkpoint {
    var parameters: OrderedDictionary<String, Parameter> = [:]
    for (name, traced) in self.parameters {
      parameters[name] = Parameter(
        value: try traced.values.row(row),
        group: traced.group,
        axes: traced.axes
      )
    }
    var optimizer = self.optimizer
    optimizer.step = rows[row].step
    for (index, rate) in rows[row].learningRates.enumerated() {
      optimizer.groups[index].hyperparameters[.learningRate] = .number(rate)
      if row > 0 { optimizer.groups[index].lastLearningRate = rows[row - 1].learningRates[index] }
    }
    for (slot, buffers) in self.optimizer.slots {
      for (name, buffer) in buffers {
        // A buffer has the last rows: it stays once it is made.
        let absent = rows.count - (buffer.shape.extents.first ?? 0)
        optimizer.slots[slot]?[name] = row < absent ? nil : try buffer.row(row - absent)
      }
    }
    return Checkpoint(
      saved: saved,
      parameters: parameters,
      optimizer: optimizer,
      progress: Progress()
    )
  }
}

extension Tensor {
  /// One of the tensors that lie one after the other along the first axis, as a view.
  ///
  /// - Precondition: There are so many.
  fileprivate func row(_ index: Int) throws(FlywheelError) -> Tensor {
    let shape = try Shape(Array(self.shape.extents.dropFirst()))
    return try Tensor(
      dtype: dtype,
      shape: shape,
      storage: storage,
      byteOffset: byteOffset + index * (try shape.byteCount(of: dtype))
    )
  }
}
