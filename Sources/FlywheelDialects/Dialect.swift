public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelOptim

/// How a framework or a text names and shapes a training state.
///
/// A dialect is data: names with placeholders, the arrangement of dense layers, words for slots and
/// hyperparameters, and counters. What is done with them is the same for all.
public struct Dialect: Sendable, Hashable {
  /// The name that users type.
  public let name: String
  /// One line that says whose names they are.
  public let summary: String
  /// Where the names are from: a file of a framework at a version, or a text.
  public let source: String
  /// The update rules that are written in it, in order of preference.
  public let rules: [String]
  /// The numbers that its optimizer can have others of for some parameters: nil for any of them, none for one
  /// set for all.
  ///
  /// A mask keeps optax's weight decay from parameters, and MXNet and Caffe multiply rate and decay by a
  /// parameter's own factors; any number of PyTorch's can differ.
  public let groupNumbers: [Hyperparameter]?
  /// How dense layers lie: as they are written, then what is read besides.
  public let arrangements: [DenseArrangement]
  /// Whether kernels of more than two axes lie as Flywheel has them, `[out, in, …]`; nothing is known about
  /// them otherwise.
  public let keepsConvolutions: Bool
  /// What names of parameters begin with: the first is written, all are read.
  public let prefixes: [String]
  /// The names of weights behind the prefix: the first is written, all are read.
  public let weights: [KeyTemplate]
  /// The names of biases behind the prefix: the first is written, all are read.
  public let biases: [KeyTemplate]
  /// Whether numbers in the names of layers are only names, and say nothing of their order.
  public let numbersAreNames: Bool
  /// Whether any other name may be a parameter's.
  public let keepsNames: Bool
  /// How names end that belong to arrays of the model that no optimizer moves.
  public let untrained: [String]
  /// How it goes through parameters where it numbers them or their buffers.
  public let order: ParameterOrder
  /// The names of buffers: the first is written, all are read.
  public let buffers: [KeyTemplate]
  /// Which slots there are, and which belong together.
  public let families: [SlotFamily]
  /// The counters that all rules have.
  public let counters: [DialectCounter]
  /// Its words for hyperparameters, where they are others than Flywheel's.
  public let hyperparameters: [Hyperparameter: String]
  /// How its own files say what no array holds; nil if there are none, or they say it in another way.
  public let statement: GroupStatement?

  /// How weights and biases of a dense layer lie, seen from Flywheel's `[out, in]` and `[out]`.
  public struct DenseArrangement: Sendable, Hashable {
    /// How weights lie.
    public let weight: TensorArrangement
    /// How biases lie.
    public let bias: TensorArrangement
  }

  /// How parameters are gone through.
  public enum ParameterOrder: Sendable, Hashable {
    /// Layer by layer, the weights before the biases.
    case layers
    /// The weights of all layers, then their biases.
    case weightsFirst
  }

  init(
    name: String,
    summary: String,
    source: String,
    rules: [String],
    groupNumbers: [Hyperparameter]?,
    arrangements: [DenseArrangement],
    keepsConvolutions: Bool = false,
    prefixes: [String] = [""],
    weights: [KeyTemplate],
    biases: [KeyTemplate],
    numbersAreNames: Bool = false,
    keepsNames: Bool = false,
    untrained: [String] = [],
    order: ParameterOrder = .layers,
    buffers: [KeyTemplate],
    families: [SlotFamily],
    counters: [DialectCounter] = [],
    hyperparameters: [Hyperparameter: String] = [:],
    statement: GroupStatement? = nil
  ) {
    self.name = name
    self.summary = summary
    self.source = source
    self.rules = rules
    self.groupNumbers = groupNumbers
    self.arrangements = arrangements
    self.keepsConvolutions = keepsConvolutions
    self.prefixes = prefixes
    self.weights = weights
    self.biases = biases
    self.numbersAreNames = numbersAreNames
    self.keepsNames = keepsNames
    self.untrained = untrained
    self.order = order
    self.buffers = buffers
    self.families = families
    self.counters = counters
    self.hyperparameters = hyperparameters
    self.statement = statement
  }

  /// The dialect with a name.
  ///
  /// - Parameter name: The name.
  /// - Throws: `invalidArgument`, listing the names there are.
  /// - Returns: The dialect.
  public static func named(_ name: String) throws(FlywheelError) -> Dialect {
    guard let dialect = all.first(where: { $0.name == name }) else {
      throw FlywheelError(
        .invalidArgument,
        "There is no dialect '\(name)'; choose one of \(all.map(\.name).joined(separator: ", "))."
      )
    }
    return dialect
  }

  /// The dialect's word for a hyperparameter: Flywheel's own where it has none of its own.
  ///
  /// - Parameter hyperparameter: The hyperparameter.
  /// - Returns: The word.
  public func word(for hyperparameter: Hyperparameter) -> String {
    hyperparameters[hyperparameter] ?? hyperparameter.rawValue
  }

  /// Whether it is Flywheel's own.
  public var isOwn: Bool { name == Self.flywheel.name }

  /// The numbers in which groups differ though they cannot.
  ///
  /// - Parameter groups: The numbers of each group.
  /// - Returns: The names, in the order in which they are written.
  public func numbersThatCannotDiffer(in groups: [Hyperparameters]) -> [Hyperparameter] {
    guard let groupNumbers, let first = groups.first else { return [] }
    return first.ordered.map(\.name).filter { name in
      !groupNumbers.contains(name) && groups.contains { $0[name] != first[name] }
    }
  }

  /// How dense layers are written.
  public var arrangement: DenseArrangement { arrangements[0] }

  /// The axes of a dense layer's weights as the dialect writes them.
  public var weightAxes: [String] {
    arrangement.weight == .transposed ? ["in", "out"] : ["out", "in"]
  }

  /// Whether layers have numbers instead of names, so that they must follow one another.
  var numbersLayers: Bool { !(weights.first?.asks(for: .name) ?? false) }

  /// Whether buffers have running numbers, so that none may be missing.
  package var numbersBuffers: Bool { buffers.first?.asks(for: .running) ?? false }
}
