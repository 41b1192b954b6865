import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelOptim
import OrderedCollections

extension Divergence {
  /// The weights and buffers of two checkpoints, those of the second in the convention of the first.
  ///
  /// - Parameters:
  ///   - first: The first checkpoint.
  ///   - second: The second checkpoint.
  ///   - notes: What was converted, or why not, each said once.
  /// - Throws: `limitExceeded` if there is no memory for a buffer.
  /// - Returns: The two states; without buffers if the rules have no convention in common.
  static func states(
    _ first: Checkpoint,
    _ second: Checkpoint,
    _ notes: inout [String]
  ) throws(FlywheelError) -> (first: State, second: State) {
    var (one, other) = (first, second)
    if let rule = UpdateRule.preset(one.optimizer.rule), one.optimizer.rule != other.optimizer.rule
    {
      var note =
        "Buffers of the second, a '\(other.optimizer.rule)', are compared as a '\(rule.name)' would "
        + "keep them."
      do throws(FlywheelError) {
        other = try OptimizerConversion(other, to: rule).checkpoint
      } catch {
        guard error.code == .unsupported else { throw error }
        note = "Buffers are not compared, for the second's are of another kind: \(error.message)"
        one.optimizer.slots = [:]
        other.optimizer.slots = [:]
      }
      if !notes.contains(note) { notes.append(note) }
    }
    return (state(of: one), state(of: other))
  }

  private static func state(of checkpoint: Checkpoint) -> State {
    var state: State = [:]
    for (name, parameter) in checkpoint.parameters {
      let tensor = parameter.master ?? parameter.value
      state[TrainingTensor(parameter: name, role: .weight)] = tensor
    }
    for (slot, buffers) in checkpoint.optimizer.slots {
      for (name, buffer) in buffers {
        state[TrainingTensor(parameter: name, role: .buffer(slot: slot))] = buffer
      }
    }
    return state
  }
}

extension Trace {
  /// The state before the step of a row, its tensors views of the trace.
  ///
  /// - Parameter row: Which row, from 0.
  /// - Throws: `truncated` if a tensor has no such row.
  /// - Returns: A checkpoint of as much as a trace knows.
  func checkpoint(ofRow row: Int) throws(FlywheelError) -> Checkpoint {
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
  /// - Precondition: There is an axis.
  ///
  /// - Parameter index: Which one, from 0.
  /// - Throws: `truncated` if there is no such one.
  /// - Returns: The view.
  func row(_ index: Int) throws(FlywheelError) -> Tensor {
    let shape = try Shape(Array(self.shape.extents.dropFirst()))
    return try Tensor(
      dtype: dtype,
      shape: shape,
      storage: storage,
      byteOffset: byteOffset + index * (try shape.byteCount(of: dtype))
    )
  }
}
