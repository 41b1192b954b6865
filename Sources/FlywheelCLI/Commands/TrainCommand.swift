import ArgumentParser
import FlywheelCore
import FlywheelTrain
import OrderedCollections
import SystemPackage

/// `flywheel train`: a new run.
struct TrainCommand: FileReadingCommand {
  /// The best-known rules, each with the numbers it takes and their defaults, as a test has them from the rules
  /// themselves: every command would wait for the text to be made, since the parser asks for each one's help.
  static let rules = """
    Rule pytorch: velocity sums gradients, lr outside, decay for biases too.
      learning_rate 0.05, momentum 0.9, dampening 0.0, weight_decay 0.0,
      nesterov false, maximize false, momentum_correction false
    Rule keras: velocity is the displacement, weights shrink by lr lambda.
      learning_rate 0.05, momentum 0.9, weight_decay 0.0, l2 0.0, bias_l2 0.0,
      nesterov false, momentum_correction false
    Rule nielsen: velocity is the displacement, decay lambda/n, weights only.
      learning_rate 0.05, momentum 0.9, weight_decay 0.0, momentum_correction false
    Rule adam: torch.optim.Adam: decay joins the gradient, for biases too.
      learning_rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08, weight_decay 0.0,
      amsgrad false
    Rule adamw: torch.optim.AdamW: weights shrink by lr lambda, biases too.
      learning_rate 0.001, beta1 0.9, beta2 0.999, epsilon 1e-08,
      weight_decay 0.01, amsgrad false
    Rule rmsprop: torch.optim.RMSprop: lr outside the momentum, decays biases too.
      learning_rate 0.001, alpha 0.99, epsilon 1e-08, momentum 0.0,
      weight_decay 0.0, centered false
    """

  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a new run.",
    discussion: """
      Settings come from a JSON file (schemas/configuration.schema.json), from flags, or from both; \
      flags win. What neither says has a default: a 784-100-10 ReLU network on the built-in digits, \
      SGD with momentum 0.9 in PyTorch's form.

      \(rules)
      'flywheel rules' lists all rules, and what each does. Another --rule starts from its own defaults.

      A run --from a checkpoint, which 'flywheel convert --from' makes of what a framework saved, starts with its weights, its optimizer's buffers and step count, and with \
      its rule, numbers, groups, precision and layers unless others are given. Learning rates are those of \
      the step that would have come next; --schedule multiplies them, and counts steps from where the \
      state is, epochs from 0. Epochs, the order of the data and the metrics begin anew: to go on in the \
      middle of a run is 'flywheel resume'.

      Ctrl-C saves and leaves; a second Ctrl-C leaves at once. 'flywheel resume' goes on.

      Examples:
        flywheel train
        flywheel train --epochs 20 --lr 0.02 --nesterov --output runs/nesterov
        flywheel train --data MNIST_DIR --layers 784-30-10 --activation sigmoid \\
          --loss sigmoid_cross_entropy --initialization network2 --rule nielsen \\
          --learning-rate 0.1 --momentum 0.5 --weight-decay 5 --batch-size 10 \\
          --training 50000 --validation 10000 --epochs 100
        flywheel train --from runs/1 --data OTHER_DIR --activation sigmoid \\
          --learning-rate 0.01
      """
  )

  @Argument(help: "A JSON configuration; flags win over it.")
  var configuration: String?

  @Option(
    name: [.customShort("o"), .long],
    help: "The run's directory, new or empty. (default: runs/1, runs/2, …)"
  )
  var output: String?

  @Option(
    help: ArgumentHelp(
      "Start from the weights and the optimizer's state of a checkpoint, or of a run's newest.",
      valueName: "file"
    )
  )
  var from: String?

  @OptionGroup(title: "Settings")
  var options: TrainingOptions

  @Option(
    help: TraceArgument.help,
    transform: TraceArgument.request
  )
  var trace: TraceRequest?

  @OptionGroup(title: "Output")
  var reporting: ReportingOptions

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    // A value that is wrong by itself is wrong usage, whatever a configuration file says beside it.
    // Beside a state its own rule and layers are what it must fit.
    guard configuration == nil, from == nil else { return }
    do throws(FlywheelError) {
      _ = try options.applied(to: try TrainingConfiguration())
    } catch {
      throw ValidationError(error.message)
    }
  }

  func run() throws {
    let runner = TrainingRunner(reporting)
    let file = try configuration.map { (file) throws(FlywheelError) in try Self.document(file) }
    let state = try state(file?.json)
    var base = try state?.configuration() ?? TrainingConfiguration()
    if let file {
      let underneath = base
      base = try FlywheelError.locating(path: file.path) { () throws(FlywheelError) in
        try underneath.applying(file.json)
      }
      if from != nil { base.start = underneath.start }
    }
    let settings: TrainingConfiguration
    do throws(FlywheelError) {
      settings = try options.applied(to: base)
    } catch {
      // The file is fine by itself: what does not fit it is on the command line.
      throw ValidationError(error.message)
    }
    try runner.run(in: output) { path throws(FlywheelError) in
      try TrainingSession(new: settings, at: path, from: state, trace: trace)
    }
  }

  private static func document(
    _ file: String
  ) throws(FlywheelError) -> (path: FilePath, json: JSONValue) {
    let path = FilePath(file)
    return try FlywheelError.locating(path: path) { () throws(FlywheelError) in
      (path, try JSONValue(parsing: try OpenFile.contents(of: path)))
    }
  }

  /// The state to start from: what the flag names, or else the configuration.
  private func state(_ configuration: JSONValue?) throws(FlywheelError) -> StartingState? {
    var named = from
    if named == nil, case .object(let root)? = configuration,
      case .object(let start)? = root["start"], case .string(let source)? = start["source"]
    {
      named = source
    }
    guard let named else { return nil }
    return try StartingState(reading: try ResolvedFile.newest(FilePath(named)))
  }
}
