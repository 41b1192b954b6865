public import FlywheelCheckpoint
public import FlywheelCore
import OrderedCollections

extension Divergence {
  /// Compares two traces at every step that both have.
  ///
  /// - Parameters:
  ///   - first: The first trace.
  ///   - second: The second trace.
  ///   - tolerance: How far apart a tensor's elements may be.
  /// - Throws: `mismatch` if there is no step that both have, `limitExceeded` if there is no memory for a
  ///   buffer in the other's convention.
  public init(
    of first: Trace,
    and second: Trace,
    within tolerance: (TrainingTensor, DType, DType) -> Tolerance
  ) throws(FlywheelError) {
    var notes = Self.notes(on: first, and: second)
    try self.init(
      .rows,
      first: first.rows.map(\.step),
      second: second.rows.map(\.step),
      within: tolerance
    ) { (step) throws(FlywheelError) in
      let rows = (step - first.optimizer.step, step - second.optimizer.step)
      var states = try Self.states(
        try first.checkpoint(ofRow: rows.0),
        try second.checkpoint(ofRow: rows.1),
        &notes
      )
      try states.first.addGradients(of: first, rows.0)
      try states.second.addGradients(of: second, rows.1)
      return states
    }
    self.notes = notes
  }

  /// In what the traces say of themselves they differ in a way that makes them part.
  private static func notes(on first: Trace, and second: Trace) -> [String] {
    var notes: [String] = []
    let (one, other) = (first.optimizer, second.optimizer)
    if one.gradient != other.gradient {
      notes.append(
        "The first takes the \(one.gradient.rawValue) of a mini-batch's gradients, the second the "
          + "\(other.gradient.rawValue)."
      )
    }
    let rates = Dictionary(
      second.rows.map { ($0.step, $0.learningRates) },
      uniquingKeysWith: { first, _ in first }
    )
    for row in first.rows {
      guard let others = rates[row.step], others != row.learningRates else { continue }
      let texts = [row.learningRates, others].map { $0.map { "\($0)" }.joined(separator: ", ") }
      notes.append(
        "The learning rates differ from step \(row.step) on: \(texts[0]) in the first, \(texts[1]) in the "
          + "second."
      )
      break
    }
    return notes
  }
}

extension Divergence.State {
  fileprivate mutating func addGradients(of trace: Trace, _ row: Int) throws(FlywheelError) {
    for (name, parameter) in trace.parameters {
      let gradient = try parameter.gradients.row(row)
      self[TrainingTensor(parameter: name, role: .gradient)] = gradient
    }
  }
}
