import FlywheelCore
import FlywheelOptim
import OrderedCollections

/// A parameter in training: its value, the optimizer's buffers of it, and its gradient where that is
/// stored.
final class NetworkParameter<Scalar: TrainingScalar> {
  let shape: ParameterShape
  /// Which of the optimizer's groups it is in.
  let group: Int
  /// The matrix, or the vector as one row.
  let value: PaddedMatrix<Scalar>
  /// The loss's gradient with respect to it; nil if the step takes it in as it arises.
  let gradient: PaddedMatrix<Scalar>?
  /// The optimizer's buffers under their names, in the order they are written.
  let slots: OrderedDictionary<String, PaddedMatrix<Scalar>>
  /// Where its coefficients are in a `ResolvedRule`.
  let place: Int

  // The slots again, as the kernels take them.
  let velocity: PaddedMatrix<Scalar>?
  private let first: PaddedMatrix<Scalar>?
  private let second: PaddedMatrix<Scalar>?
  private let maximum: PaddedMatrix<Scalar>?
  private let mean: PaddedMatrix<Scalar>?
  private let momentum: PaddedMatrix<Scalar>?

  /// A parameter of zeros.
  init(
    _ shape: ParameterShape,
    group: Int,
    plan: OptimizerPlan,
    storesGradient: Bool
  ) throws(FlywheelError) {
    let columns = shape.shape.extents.last ?? 1
    func matrix() throws(FlywheelError) -> PaddedMatrix<Scalar> {
      try PaddedMatrix(rows: shape.isWeight ? shape.shape.extents[0] : 1, columns: columns)
    }
    self.shape = shape
    self.group = group
    value = try matrix()
    gradient = storesGradient ? try matrix() : nil
    var slots: OrderedDictionary<String, PaddedMatrix<Scalar>> = [:]
    for name in plan.slotNames(ofGroup: group) { slots[name] = try matrix() }
    self.slots = slots
    place = ResolvedRule.place(group: group, isWeight: shape.isWeight)
    velocity = slots[SGDRule.slotName]
    if case .adaptive(let rule) = plan.rule {
      first = rule.slots.first.flatMap { slots[$0] }
      second = slots[rule.slots.second]
      maximum = rule.slots.maximum.flatMap { slots[$0] }
      mean = rule.slots.mean.flatMap { slots[$0] }
      momentum = rule.slots.momentum.flatMap { slots[$0] }
      let start = rule.secondStart(plan.grouping.hyperparameters[group])
      if start != 0 { second?.fill { start } }
    } else {
      (first, second, maximum, mean, momentum) = (nil, nil, nil, nil, nil)
    }
  }

  /// The number of elements with their padding: what kernels work on.
  private var count: Int { value.rows * value.stride }

  /// The sum of the squares of the stored gradient's elements.
  var squaredGradientNorm: Double {
    guard let gradient else { return 0 }
    return unsafe Scalar.kernels.sumOfSquares(gradient.base, count)
  }

  /// Takes a step from the stored gradient.
  ///
  /// - Parameters:
  ///   - rule: The numbers of the step.
  ///   - scale: What the gradient is multiplied by first.
  func step(_ rule: ResolvedRule, scale: Double) {
    guard let gradient else { return }
    switch rule.forms {
    case .sgd(let forms):
      var form = forms[place]
      form.b *= scale
      form.f *= scale
      unsafe Scalar.kernels.apply(value.base, velocity?.base, gradient.base, count, form)
    case .adaptive(let forms):
      guard let second else { return }
      unsafe Scalar.kernels.adapt(
        value.base,
        gradient.base,
        first?.base,
        second.base,
        maximum?.base,
        mean?.base,
        momentum?.base,
        count,
        forms[place],
        scale
      )
    }
  }
}
