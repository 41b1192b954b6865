import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// Takes down the steps that a trace asks for.
///
/// The gradients come from the trainer's own passes over a network of the same weights, beside the one
/// that is trained: so a traced run is, bit for bit, the run without a trace.
struct TraceRecorder<Scalar: TrainingScalar> {
  private let request: TraceRequest
  private let scratch: Network<Scalar>
  private var rows: [Row] = []

  private struct Row {
    var state: OptimizerState
    var parameters: OrderedDictionary<String, Parameter>
    var gradients: [String: Tensor]
  }

  /// Prepares for a trace.
  ///
  /// - Parameters:
  ///   - request: Which steps.
  ///   - configuration: The run's configuration.
  ///   - steps: The steps that the run has still to do.
  /// - Throws: `invalidArgument` if the run does not come to the first step, `limitExceeded` if the
  ///   trace would be too large.
  init(
    _ request: TraceRequest,
    of configuration: TrainingConfiguration,
    steps: Range<Int>
  ) throws(FlywheelError) {
    guard steps.contains(request.from) else {
      throw FlywheelError(
        .invalidArgument,
        "The trace is to start at step \(request.from), but the run "
          + (steps.isEmpty
            ? "has all its \(steps.upperBound) steps behind it."
            : "goes from step \(steps.lowerBound) to \(steps.upperBound - 1).")
      )
    }
    let plan = try OptimizerPlan(configuration, storesGradients: true)
    var rowBytes = 0
    for (parameter, group) in zip(try configuration.network.parameters(), plan.grouping.groups) {
      let tensors = 2 + plan.slotNames(ofGroup: group).count
      rowBytes += tensors * (try parameter.shape.byteCount(of: Scalar.dtype))
    }
    let count = min(request.count, steps.upperBound - request.from)
    let (size, overflow) = rowBytes.multipliedReportingOverflow(by: count)
    guard !overflow, size <= TraceRequest.memoryLimit else {
      throw FlywheelError(
        .limitExceeded,
        "A trace of \(count) steps of this network takes \(count) x \(rowBytes) bytes, which is more "
          + "than the \(TraceRequest.memoryLimit) that a trace may have; trace fewer steps."
      )
    }
    self.request = request
    scratch = try Network(
      shape: configuration.network,
      plan: plan,
      batchSize: configuration.data.batchSize
    )
  }

  /// Whether the step that follows so many is one of the trace.
  func wants(step: Int) -> Bool { step >= request.from && step - request.from < request.count }

  /// Whether all steps have been taken down.
  var isComplete: Bool { rows.count == request.count }

  /// Takes down a step that is about to be taken.
  ///
  /// - Parameters:
  ///   - state: The state before it.
  ///   - batches: The data.
  ///   - range: The samples of its batch.
  ///   - rule: Its numbers.
  /// - Throws: `limitExceeded` if there is no memory.
  mutating func record(
    _ state: Checkpoint,
    _ batches: SampleBatches<Scalar>,
    _ range: Range<Int>,
    _ rule: ResolvedRule
  ) throws(FlywheelError) {
    for parameter in scratch.parameters {
      guard let value = state.parameters[parameter.shape.name]?.value else { continue }
      try parameter.value.load(value)
    }
    _ = scratch.step(batches, order: range, rule: rule)
    var gradients: [String: Tensor] = [:]
    for parameter in scratch.parameters {
      gradients[parameter.shape.name] = try parameter.gradient?.tensor(shape: parameter.shape.shape)
    }
    rows.append(
      Row(state: state.optimizer, parameters: state.parameters, gradients: gradients)
    )
  }

  /// The trace of what has been taken down; nil if that is nothing.
  ///
  /// - Parameter saved: Which run it is of, and when.
  /// - Throws: `limitExceeded` if there is no memory.
  /// - Returns: The trace.
  func trace(_ saved: Checkpoint.Saved) throws(FlywheelError) -> Trace? {
    guard let first = rows.first, let last = rows.last else { return nil }
    var optimizer = first.state
    optimizer.slots = [:]
    for (slot, buffers) in last.state.slots {
      for name in buffers.keys {
        let before = rows.compactMap { $0.state.slots[slot]?[name] }
        optimizer.slots[slot, default: [:]][name] = try Self.stacked(before)
      }
    }
    var parameters: OrderedDictionary<String, TracedParameter> = [:]
    for (name, parameter) in first.parameters {
      parameters[name] = TracedParameter(
        values: try Self.stacked(rows.compactMap { $0.parameters[name]?.value }),
        gradients: try Self.stacked(rows.compactMap { $0.gradients[name] }),
        group: parameter.group,
        axes: parameter.axes
      )
    }
    return Trace(
      saved: saved,
      parameters: parameters,
      optimizer: optimizer,
      rows: rows.map { row in
        Trace.Row(
          step: row.state.step,
          learningRates: row.state.groups.map(\.hyperparameters.learningRate)
        )
      }
    )
  }

  /// Tensors of one shape as one, the first axis counting them.
  private static func stacked(_ tensors: [Tensor]) throws(FlywheelError) -> Tensor {
    let shape = try Shape([tensors.count] + (tensors.first?.shape.extents ?? []))
    let storage = try unsafe TensorStorage(
      byteCount: try shape.byteCount(of: Scalar.dtype),
      unsafeFilledBy: { buffer throws(FlywheelError) in
        var offset = 0
        for tensor in tensors {
          // Together they are as large as the shape: all have one shape and one dtype.
          let row = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[offset...])
          unsafe tensor.bytes.withUnsafeBytes { unsafe row.copyMemory(from: $0) }
          offset += tensor.byteCount
        }
      }
    )
    return try Tensor(dtype: Scalar.dtype, shape: shape, storage: storage)
  }
}
