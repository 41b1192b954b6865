public import FlywheelCheckpoint
public import FlywheelCore
public import FlywheelOptim
public import OrderedCollections

/// What the arrays of a file are in a dialect: which array is which parameter, slot or counter, and how it
/// lies there.
public struct DialectReading: Sendable {
  /// The dialect.
  public let dialect: Dialect
  /// The parameters in the order of the model, under Flywheel's names.
  public internal(set) var parameters: OrderedDictionary<String, FoundParameter> = [:]
  /// Whether they are layers that follow one another, and have Flywheel's names for that.
  public internal(set) var isChain = false
  /// Where the buffers lie: Flywheel's name of the slot, then of the parameter.
  public internal(set) var slots:
    OrderedDictionary<String, OrderedDictionary<String, CheckpointLayout.Place>> =
      [:]
  /// The rules of the dialect that keep exactly these slots, in its order of preference.
  ///
  /// If they do not all name the slots alike, `slots` is as the first has them: `understand(_:rule:)`
  /// decides for another.
  public internal(set) var rules: [String] = []
  /// The counters by their keys.
  public internal(set) var counters: OrderedDictionary<String, DialectCounter.Meaning> = [:]
  /// The arrays of the model that no optimizer moves, running means for example.
  public internal(set) var untrained: [String] = []
  /// The parameters that have an unusual name and may be something else.
  public internal(set) var guessed: [String] = []
  /// Those of them that do not lie where the others do.
  public internal(set) var outside: [String] = []
  /// The parameters that another name has as well, with the name under which they are counted.
  public internal(set) var twins: OrderedDictionary<String, String> = [:]
  /// The keys of the arrays that the dialect does not explain.
  public internal(set) var leftovers: [String] = []
  /// Whether dots had to be taken for slashes, or slashes for dots.
  public internal(set) var hasOtherSeparators = false

  /// One parameter.
  public struct FoundParameter: Sendable, Hashable {
    /// Where it lies, and how.
    public let place: CheckpointLayout.Place
    /// What its axes mean in Flywheel, outermost first.
    public let axes: [String]
    /// Its shape in Flywheel.
    public let shape: Shape
    /// Its type.
    public let dtype: DType
  }

  /// What counters say.
  public struct Numbers: Sendable, Hashable {
    /// The steps taken; nil if no counter says so.
    public var step: Int?
    /// The samples seen; nil if no counter says so.
    public var samples: Int?
    /// The learning rate of the next step; nil if no counter says so.
    public var learningRate: Double?
  }

  /// Whether every array is explained by a name that the dialect is known by.
  public var explainsAll: Bool { !parameters.isEmpty && leftovers.isEmpty && guessed.isEmpty }

  /// The layout of a checkpoint that lies in its file like this.
  ///
  /// - Parameter tensor: Gives the array under a key.
  /// - Throws: What `tensor` throws; `notFound` for a counter that is not there.
  /// - Returns: The layout.
  public func layout(
    reading tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> CheckpointLayout {
    var layout = CheckpointLayout(dialect: dialect.name, places: places)
    for key in counters.keys { layout.counters[key] = try Self.counter(key, tensor) }
    return layout
  }

  /// Where each array lies, by the keys that `CheckpointKey` gives them.
  public var places: OrderedDictionary<String, CheckpointLayout.Place> {
    var places: OrderedDictionary<String, CheckpointLayout.Place> = [:]
    for (name, parameter) in parameters { places[CheckpointKey.parameter(name)] = parameter.place }
    for (slot, buffers) in slots {
      for (name, place) in buffers { places[CheckpointKey.slot(slot, of: name)] = place }
    }
    return places
  }

  /// The same of a file whose arrays have other keys.
  ///
  /// - Parameter names: The other keys, by those that were read.
  /// - Returns: The reading.
  package func renamingKeys(_ names: [String: String]) -> DialectReading {
    guard !names.isEmpty else { return self }
    func other(_ key: String) -> String { names[key] ?? key }
    func other(_ place: CheckpointLayout.Place) -> CheckpointLayout.Place {
      .init(key: other(place.key), arrangement: place.arrangement)
    }
    var result = self
    result.parameters = parameters.mapValues {
      FoundParameter(place: other($0.place), axes: $0.axes, shape: $0.shape, dtype: $0.dtype)
    }
    result.slots = slots.mapValues { $0.mapValues(other) }
    result.counters = OrderedDictionary(
      counters.map { (other($0), $1) },
      uniquingKeysWith: { first, _ in first }
    )
    result.untrained = untrained.map(other)
    result.guessed = guessed.map(other)
    result.outside = outside.map(other)
    result.leftovers = leftovers.map(other)
    return result
  }

  /// The same with parameters that keep their names in another order.
  ///
  /// - Parameter keys: The keys of the first of them; others come behind.
  /// - Returns: The reading; the same if the parameters are a chain, which has its order.
  package func ordered(by keys: [String]) -> DialectReading {
    guard !isChain, !keys.isEmpty else { return self }
    let names = Dictionary(parameters.map { ($1.place.key, $0) }) { first, _ in first }
    let order = OrderedSet(keys.compactMap { names[$0] }).union(parameters.keys)
    var result = self
    result.parameters = [:]
    for name in order { result.parameters[name] = parameters[name] }
    return result
  }

  /// Reads what the counters say.
  ///
  /// - Parameters:
  ///   - hyperparameters: The numbers of the rule, which tell a step from β₂ᵗ; nil if they are not known.
  ///   - tensor: Gives the array under a key.
  /// - Throws: What `tensor` throws; `malformed` for a number that counts nothing, `mismatch` if two
  ///   counters disagree.
  /// - Returns: The numbers.
  public func numbers(
    hyperparameters: Hyperparameters? = nil,
    reading tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> Numbers {
    var numbers = Numbers()
    var stepKey: String?
    for (key, meaning) in counters {
      let number = try Self.number(try Self.counter(key, tensor), key)
      switch meaning {
      case .learningRate: numbers.learningRate = number
      case .samples: numbers.samples = try Self.count(number, key)
      case .steps:
        let step = try Self.count(number, key)
        if let known = numbers.step, known != step, let stepKey {
          throw FlywheelError(
            .mismatch,
            "'\(stepKey)' counts \(known) steps, '\(key)' \(step). Flywheel has one number of steps for all "
              + "parameters: save a state in which they agree.",
            at: .init(tensor: key)
          )
        }
        (numbers.step, stepKey) = (step, key)
      case .power(let name):
        guard numbers.step == nil, let base = hyperparameters?[name]?.number else { continue }
        numbers.step = try Self.exponent(of: number, base, key) - 1
        stepKey = key
      }
    }
    return numbers
  }

  private static func counter(
    _ key: String,
    _ tensor: (String) throws(FlywheelError) -> Tensor?
  ) throws(FlywheelError) -> Tensor {
    guard let found = try tensor(key) else {
      throw FlywheelError(
        .notFound,
        "The file lists this counter, but has no such array.",
        at: .init(tensor: key)
      )
    }
    return found
  }

  private static func number(_ tensor: Tensor, _ key: String) throws(FlywheelError) -> Double {
    let numbers: [Double] = try tensor.converted(to: .float64).elements()
    guard numbers.count == 1, numbers[0].isFinite, numbers[0] >= 0 else {
      throw FlywheelError.malformed(
        found: numbers.count == 1 ? "\(numbers[0])" : "\(numbers.count) numbers",
        expected: "one number of at least 0",
        at: .init(tensor: key)
      )
    }
    return numbers[0]
  }

  private static func count(_ number: Double, _ key: String) throws(FlywheelError) -> Int {
    guard let count = Int(exactly: number), number <= 9_007_199_254_740_992 else {
      throw FlywheelError.malformed(
        found: "\(number)",
        expected: "a whole number that counts",
        at: .init(tensor: key)
      )
    }
    return count
  }

  /// The exponent of a power that was rounded to float32.
  private static func exponent(
    of number: Double,
    _ base: Double,
    _ key: String
  ) throws(FlywheelError) -> Int {
    // The powers fall, so that the interval that holds the exponent can be halved.
    var (low, high) = (1, 1 << 40)
    while low < high {
      let middle = (low + high) / 2
      if power(base, middle) > number * (1 + 1e-6) { low = middle + 1 } else { high = middle }
    }
    // Rounded products drift by at most half a bit for each step.
    let drift = Double(low) * 0x1p-24 + 0x1p-23
    guard (0..<1).contains(base), number > 0, abs(power(base, low) / number - 1) <= drift,
      drift < (1 - base) / 2
    else {
      throw FlywheelError(
        .malformed,
        "\(number) is no power of \(base) that tells how many steps were taken; say it yourself.",
        at: .init(tensor: key)
      )
    }
    return low
  }
}
