/// The lines of an update that some evidence lets us fit: what is on the left, and what is to explain it.
///
/// Places count from the dump that a step begins at, before any shift.
struct LineSystem: Sendable {
  /// What is dumped, or made of it.
  enum Quantity: Sendable, Hashable {
    /// The weight at a place.
    case weight(Int)
    /// How the weight changes from a place to the next.
    case change(Int)
    /// The gradient at a place.
    case gradient(Int)
    /// The buffer at a place.
    case velocity(Int)
  }

  /// A coefficient that a column has, and whether the line has it with a minus.
  struct Unknown: Sendable {
    var coefficient: Coefficient
    var isNegative = false
  }

  /// A line.
  struct Row: Sendable {
    var line: Measurement.Line
    var target: Quantity
    /// What each column is multiplied by.
    var unknowns: [Unknown]
  }

  /// What explains.
  let columns: [Quantity]
  /// What is explained.
  let rows: [Row]

  init(_ columns: [Quantity], _ rows: [Row]) {
    self.columns = columns
    self.rows = rows
  }

  /// All quantities, those on the left behind.
  var quantities: [Quantity] { columns + rows.map(\.target) }

  /// The columns that the rounding of the weight at the beginning of the step spoils as it spoils the change.
  func shared(_ row: Row) -> [Int] {
    guard row.target == .change(0) else { return [] }
    return columns.indices.filter { [.weight(0), .change(-1)].contains(columns[$0]) }
  }

  /// Weights, buffers and gradients.
  static let whole = LineSystem(
    [.velocity(0), .gradient(0), .weight(0)],
    [
      Row(line: .velocity, target: .velocity(1), unknowns: [.init(.a), .init(.b), .init(.c)]),
      Row(line: .weight, target: .change(0), unknowns: [.init(.p), .init(.q), .init(.r)]),
    ]
  )

  /// The same columns for one of the lines.
  func only(_ line: Measurement.Line) -> LineSystem {
    LineSystem(columns, rows.filter { $0.line == line })
  }

  /// Weights and buffers.
  static let withoutGradient = LineSystem(
    [.velocity(1), .velocity(0), .weight(0)],
    [Row(line: .weight, target: .change(0), unknowns: [.init(.d), .init(.e), .init(.h)])]
  )

  /// Weights, buffers and gradients, where the buffer is another's that has had its step already.
  static let withNewVelocity = LineSystem([.velocity(1), .gradient(0), .weight(0)], whole.rows)

  /// Weights and gradients.
  static let withoutVelocity = LineSystem(
    [.change(-1), .weight(0), .gradient(0), .gradient(-1)],
    [
      Row(
        line: .weight,
        target: .change(0),
        unknowns: [
          .init(.determinant), .init(.loss, isNegative: true), .init(.q), .init(.laggedGradient),
        ]
      )
    ]
  )

  /// Weights and gradients of a rule that keeps nothing from step to step.
  static let withoutMemory = LineSystem(
    [.gradient(0), .weight(0)],
    [
      Row(
        line: .weight,
        target: .change(0),
        unknowns: [.init(.q), .init(.loss, isNegative: true)]
      )
    ]
  )

  /// Weights without a gradient.
  static let weightsOnly = LineSystem(
    [.change(-1), .weight(0)],
    [
      Row(
        line: .weight,
        target: .change(0),
        unknowns: [.init(.determinant), .init(.loss, isNegative: true)]
      )
    ]
  )

  /// Weights without a gradient that only shrink.
  static let shrinkage = LineSystem(
    [.weight(0)],
    [Row(line: .weight, target: .change(0), unknowns: [.init(.loss, isNegative: true)])]
  )
}

extension LineSystem.Unknown {
  init(_ coefficient: Coefficient) {
    self.init(coefficient: coefficient)
  }

  init(_ coefficient: Coefficient, isNegative: Bool) {
    self.init(coefficient: coefficient, isNegative: isNegative)
  }
}
