public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
import OrderedCollections
public import SystemPackage

extension DiffInput {
  /// Takes a row of a trace: the state before a step, and the gradients that it was taken with.
  ///
  /// - Parameters:
  ///   - trace: The trace.
  ///   - step: The number of steps taken before the row; the trace has it.
  ///   - path: Where the trace comes from.
  /// - Throws: `truncated` if a tensor ends before the row does.
  public init(
    _ trace: Trace,
    atStep step: Int,
    from path: FilePath
  ) throws(FlywheelError) {
    let row = step - trace.optimizer.step
    try self.init(try trace.checkpoint(ofRow: row), from: path)
    kind = .trace
    for (name, parameter) in trace.parameters {
      let key = CheckpointKey.gradient(name)
      let gradient = try parameter.gradients.row(row)
      tensors.append(DiffTensor(name: key, key: key, role: .gradient(of: name), gradient))
    }
  }
}

extension Trace {
  /// The state before the step of a row, its tensors views of the trace.
  fileprivate func checkpoint(ofRow row: Int) throws(FlywheelError) -> Checkpoint {
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
