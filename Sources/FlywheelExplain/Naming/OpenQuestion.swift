/// Something that a dump cannot show, and the dump that would.
public struct OpenQuestion: Sendable, Hashable {
  /// What is not known.
  public let what: String
  /// Why not.
  public let reason: String
  /// What to dump, or to say.
  public let remedy: String

  /// Creates a question.
  public init(what: String, reason: String, remedy: String) {
    self.what = what
    self.reason = reason
    self.remedy = remedy
  }
}

extension OpenQuestion {
  /// What each evidence leaves open, whatever the numbers are.
  static let standing: [Measurement.Evidence: [OpenQuestion]] = [
    .withoutGradient: [
      OpenQuestion(
        what: "the momentum, and a decay that joins the gradient",
        reason: "both act before the velocity, and no gradient was dumped",
        remedy: "dump the gradients, too"
      )
    ],
    .withoutVelocity: [
      OpenQuestion(
        what: "whether the learning rate is inside the velocity, and how large the velocity is",
        reason: "no velocity was dumped, and every way of keeping one makes the same weights",
        remedy: "dump the velocities, too"
      )
    ],
    .weightsOnly: [
      OpenQuestion(
        what: "the learning rate, the look-ahead, and what the velocity holds",
        reason: "only weights whose gradient is 0 can be understood alone",
        remedy: "dump gradients and velocities, too"
      )
    ],
  ]

  /// Coupled and decoupled decay are the same run with other numbers.
  static let kindOfDecay = OpenQuestion(
    what: "whether the decay goes through the velocity",
    reason: "with other numbers, both ways make the same weights",
    remedy: "dump the velocities, or parameters that are not decayed, such as biases"
  )

  /// A gradient has no unit of its own.
  static let scaleOfGradient = OpenQuestion(
    what: "whether the dumped gradient is a mean over the mini-batch or a sum",
    reason: "it is the trainer's own, so that only its product with the learning rate shows",
    remedy: "look how dW is made; if it is a sum, say --summed-gradient --batch-size M"
  )

  /// A first step has no buffer.
  static let firstStep = OpenQuestion(
    what: "the momentum",
    reason: "in these steps the velocity is 0 before the step",
    remedy: "dump one step more"
  )

  /// The columns hang together.
  static let alike = OpenQuestion(
    what: "the numbers to more digits",
    reason: "velocities and gradients of these steps point the same way",
    remedy: "dump the first steps of a training, each with a mini-batch of its own"
  )

  /// A decay is per sample.
  static func size(_ letter: String, option: String) -> OpenQuestion {
    OpenQuestion(
      what: "the weight decay that the code has, before it is divided by \(letter)",
      reason: "nobody said how large \(letter) is",
      remedy: "say \(option)"
    )
  }
}
