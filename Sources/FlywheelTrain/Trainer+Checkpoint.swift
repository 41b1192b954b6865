import FlywheelCheckpoint
import FlywheelCore
import FlywheelOptim
import FlywheelRun
import OrderedCollections

/// The trainer's state as a checkpoint, and back.
extension Trainer {
  /// The state as it is between two steps.
  func checkpoint() throws(FlywheelError) -> Checkpoint {
    var parameters: OrderedDictionary<String, Parameter> = [:]
    var slots: OrderedDictionary<String, OrderedDictionary<String, Tensor>> = [:]
    for parameter in network.parameters {
      let shape = parameter.shape
      parameters[shape.name] = Parameter(
        value: try parameter.value.tensor(shape: shape.shape),
        group: parameter.group,
        axes: shape.axes
      )
      guard hasBuffers else { continue }
      for (slot, buffer) in parameter.slots {
        slots[slot, default: [:]][shape.name] = try buffer.tensor(shape: shape.shape)
      }
    }
    let order = RandomStream.order.generator(seed: configuration.seed, epoch: progress.epoch)
    return Checkpoint(
      saved: .init(run: run, time: Timestamp.now),
      parameters: parameters,
      optimizer: OptimizerState(
        rule: configuration.rule.name,
        groups: parameterGroups,
        step: step,
        clipping: configuration.clipping,
        sizes: sizes,
        slots: slots
      ),
      schedule: configuration.schedule,
      progress: progress,
      random: [
        RandomStream.initialization.name: initializationState,
        RandomStream.order.name: order.words,
      ],
      data: data.description(configuration),
      backend: .current(for: configuration),
      history: history,
      trainer: configuration.json
    )
  }

  /// Takes over the state of a checkpoint, if it is one of this run.
  mutating func restore(_ checkpoint: Checkpoint) throws(FlywheelError) {
    try require(checkpoint)
    try load(checkpoint)
    progress = checkpoint.progress
    history = checkpoint.history
    // The lines of metrics.jsonl have one order, whatever program wrote the checkpoint.
    try history.arrange(as: metricNames)
    // What is watched may have changed.
    progress.best = bestSoFar
    initializationState =
      checkpoint.random[RandomStream.initialization.name] ?? initializationState
  }

  /// Starts from the parameters, the buffers and the step count of a state.
  mutating func begin(with state: Checkpoint) throws(FlywheelError) {
    guard lastStep <= TrainingConfiguration.stepCounts.upperBound else {
      throw Self.misfit("after its \(state.optimizer.step) steps there is no room for this run's")
    }
    try load(state)
  }

  /// Goes on with a run that another program has trained so far: its steps are so many whole epochs.
  mutating func goOn(from state: Checkpoint) throws(FlywheelError) {
    try load(state)
    let (epochs, rest) = step.quotientAndRemainder(dividingBy: max(1, batchCount))
    let (samples, overflow) = epochs.multipliedReportingOverflow(by: samplesPerEpoch)
    guard rest == 0, !overflow else {
      throw FlywheelError(
        .mismatch,
        "The state has \(step) steps behind it: \(epochs) epochs of \(batchCount) batches, and \(rest) batches "
          + "of the next, of which nobody knows the samples. Give the --batch-size, --training and "
          + "--last-batch of the run; or convert the state, and let 'flywheel train --from' begin anew."
      )
    }
    progress.epoch = epochs
    progress.samples = samples
  }

  /// Takes over tensors, the step count and the learning rates of the last step.
  private mutating func load(_ checkpoint: Checkpoint) throws(FlywheelError) {
    let slots = checkpoint.optimizer.slots
    for parameter in network.parameters {
      // Names, dtypes and shapes have been checked.
      guard let value = checkpoint.parameters[parameter.shape.name]?.value else { continue }
      try parameter.value.load(value)
      for (slot, matrix) in parameter.slots {
        if let buffer = slots[slot]?[parameter.shape.name] { try matrix.load(buffer) }
      }
    }
    hasBuffers = !slots.isEmpty
    step = checkpoint.optimizer.step
    stepsBefore = step
    ratesBefore = lastLearningRates(in: checkpoint)
    guard !hasBuffers || !numbers.needsLastRates || ratesBefore.allSatisfy({ $0 != nil }) else {
      throw Self.misfit(
        "momentum follows the learning rate, and it does not say that of the last step for every group"
      )
    }
  }

  /// The learning rate that each of this run's groups had in a checkpoint's last step; nil where there was
  /// none, or not one.
  private func lastLearningRates(in checkpoint: Checkpoint) -> [Double?] {
    plan.grouping.hyperparameters.indices.map { group in
      let rates = network.parameters.filter { $0.group == group }.map { parameter in
        checkpoint.parameters[parameter.shape.name].flatMap {
          checkpoint.optimizer.groups[$0.group].lastLearningRate
        }
      }
      return rates.allSatisfy { $0 == rates.first } ? rates.first.flatMap(\.self) : nil
    }
  }

  /// The groups as they are between two steps.
  private var parameterGroups: [ParameterGroup] {
    let (next, last) = (nextLearningRates, lastLearningRates)
    return plan.grouping.hyperparameters.enumerated().map { index, whole in
      var hyperparameters = whole
      hyperparameters.learningRate = next[index]
      return ParameterGroup(
        hyperparameters: hyperparameters,
        lastLearningRate: index < last.count ? last[index] : nil,
        initialLearningRate: whole.learningRate
      )
    }
  }

  /// Checks that a checkpoint holds the network's parameters and buffers, all of them and no others.
  static func requireParameters(
    _ checkpoint: Checkpoint,
    of network: NetworkShape,
    _ plan: OptimizerPlan
  ) throws(FlywheelError) {
    let slots = checkpoint.optimizer.slots
    let parameters = try network.parameters()
    for (parameter, group) in zip(parameters, plan.grouping.groups) {
      let name = parameter.name
      guard let held = checkpoint.parameters[name] else {
        throw misfit("it has no parameter '\(name)'")
      }
      try require(held.value, parameter, CheckpointKey.parameter(name))
      guard held.master == nil else {
        throw misfit("its parameter '\(name)' has a master weight beside it")
      }
      guard held.axes != parameter.axes.reversed() || held.axes == parameter.axes else {
        throw misfit("the axes of its parameter '\(name)' are \(held.axes), not \(parameter.axes)")
      }
      let kept = plan.slotNames(ofGroup: group)
      for (slot, buffers) in slots where buffers[name] != nil && !kept.contains(slot) {
        throw misfit("it has buffers '\(slot)', which the rule does not keep and would lose")
      }
      // Buffers come into being with the first step, all at once.
      guard !slots.isEmpty else { continue }
      for slot in kept {
        guard let buffer = slots[slot]?[name] else {
          throw misfit(
            "it has other buffers, but no '\(slot)' of '\(name)', as if that had been frozen while others were "
              + "trained"
          )
        }
        try require(buffer, parameter, CheckpointKey.slot(slot, of: name))
      }
    }
    if case .adaptive(let rule) = plan.rule,
      plan.grouping.hyperparameters.contains(where: { rule.dependsOnStepCount($0) })
    {
      // A velocity may begin anew; moments of so many steps may not, for their correction knows how many.
      guard slots.isEmpty == (checkpoint.optimizer.step == 0) else {
        throw misfit(
          "it has \(slots.isEmpty ? "no buffers" : "buffers") at step \(checkpoint.optimizer.step)"
        )
      }
    }
    let names = Set(parameters.map(\.name))
    if let extra = checkpoint.parameters.keys.first(where: { !names.contains($0) }) {
      throw misfit("it has a parameter '\(extra)', which the network has not")
    }
  }

  private static func require(
    _ tensor: Tensor,
    _ parameter: ParameterShape,
    _ key: String
  ) throws(FlywheelError) {
    guard tensor.dtype == Scalar.dtype, tensor.shape == parameter.shape else {
      throw FlywheelError(
        .mismatch,
        "The checkpoint has \(tensor.dtype.rawValue) \(tensor.shape), the network needs "
          + "\(Scalar.dtype.rawValue) \(parameter.shape).",
        at: .init(tensor: key)
      )
    }
  }

  /// Checks that a checkpoint is one that this trainer could have written, as far as it can tell.
  private func require(_ checkpoint: Checkpoint) throws(FlywheelError) {
    let optimizer = checkpoint.optimizer
    let progress = checkpoint.progress
    if let trained = checkpoint.data, trained.digest != data.digest {
      throw FlywheelError(
        .mismatch,
        "The data have changed: the checkpoint was trained on \(trained.source) with "
          + "\(trained.digest), found \(data.source) with \(data.digest). Resume with the same data."
      )
    }
    if let trained = checkpoint.data {
      // The same samples may lie in files of another kind.
      var found = data.description(configuration)
      found.source = trained.source
      guard trained == found else {
        throw Self.misfit("it splits or scales its data in another way")
      }
    }
    for parameter in network.parameters {
      guard checkpoint.parameters[parameter.shape.name]?.group == parameter.group else {
        throw Self.misfit("its parameter '\(parameter.shape.name)' is of another group")
      }
    }
    guard optimizer.rule == configuration.rule.name,
      try areSame(optimizer.groups, checkpoint),
      optimizer.gradient == .mean, optimizer.sizes == sizes,
      optimizer.clipping == configuration.clipping
    else {
      throw Self.misfit("its optimizer's rule, hyperparameters or sizes are not the trainer's")
    }
    guard checkpoint.schedule ?? .constant == configuration.schedule else {
      throw Self.misfit("its schedule is not the trainer's")
    }
    let (steps, overflow) = progress.epoch.multipliedReportingOverflow(by: batchCount)
    let own = optimizer.step - startStep
    guard !overflow, progress.batch < batchCount, own - progress.batch == steps else {
      throw Self.misfit(
        "\(progress.epoch) epochs and \(progress.batch) batches of \(batchCount) are not the "
          + "\(own) steps that it counts"
      )
    }
    let inEpoch = progress.batch * configuration.data.batchSize
    let (seen, isTooMany) = progress.epoch.multipliedReportingOverflow(by: samplesPerEpoch)
    guard !isTooMany, progress.samples - inEpoch == seen, progress.epochHits <= inEpoch,
      progress.epochLoss.isFinite, checkpoint.history.isOfEpochs(before: progress.epoch),
      progress.best.map({ metricNames.contains($0.metric) }) ?? true
    else {
      throw Self.misfit("its samples, sums, metrics or history are not those of its steps")
    }
    let order = RandomStream.order
    guard checkpoint.generator == Checkpoint.philox,
      checkpoint.random[order.name]
        == order.generator(seed: configuration.seed, epoch: progress.epoch).words
    else { throw Self.misfit("its random stream '\(order.name)' is not the seed's") }
  }

  /// Whether groups have the numbers that the configuration gives them where the checkpoint is.
  private func areSame(
    _ groups: [ParameterGroup],
    _ checkpoint: Checkpoint
  ) throws(FlywheelError) -> Bool {
    let expected = plan.grouping.hyperparameters
    guard groups.count == expected.count else { return false }
    let rates = numbers.learningRates(
      afterSteps: checkpoint.optimizer.step,
      epochs: checkpoint.progress.epoch
    )
    for (index, group) in groups.enumerated() {
      var hyperparameters = group.hyperparameters
      let (found, rate) = (hyperparameters.learningRate, rates[index])
      hyperparameters.learningRate = group.initialLearningRate
      // The last bit of a cosine is the platform's, so that of a scheduled rate is too.
      guard abs(found - rate) <= 1e-12 * rate,
        try plan.rule.completed(hyperparameters) == expected[index]
      else { return false }
    }
    return true
  }

  private static func misfit(_ what: String) -> FlywheelError {
    FlywheelError(.mismatch, "The checkpoint does not fit this run: \(what).")
  }
}

extension History {
  /// Whether the rows are those of all epochs from one on; those before it were trained elsewhere.
  fileprivate func isOfEpochs(before epoch: Int) -> Bool {
    guard let epochs = metrics["epoch"] else { return steps.isEmpty }
    return steps.count <= epoch
      && epochs.elementsEqual(((epoch - steps.count)..<epoch).map { Double($0 + 1) })
  }
}
