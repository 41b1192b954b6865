public import FlywheelCheckpoint
public import FlywheelCore
import FlywheelOptim
public import OrderedCollections

extension Dialect {
  /// What the dialect's own files say of an optimizer besides its arrays.
  ///
  /// - Parameters:
  ///   - optimizer: The optimizer, under one of the dialect's rules.
  ///   - groups: The group of each parameter, by its name in the file.
  ///   - isScheduled: Whether a schedule sets the learning rate.
  /// - Throws: `limitExceeded` if there is no memory for it.
  /// - Returns: The attributes by what they belong to; none if the dialect has no such files.
  public func statement(
    of optimizer: OptimizerState,
    _ groups: OrderedDictionary<String, Int>,
    isScheduled: Bool
  ) throws(FlywheelError) -> OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> {
    guard let statement else { return [:] }
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
    var firstIndex: Int64 = 0
    for (place, group) in optimizer.groups.enumerated() {
      guard let owner = statement.group.key(.init(index: place)) else { continue }
      let names = groups.filter { $0.value == place }.keys
      // Parameters have numbers group by group.
      let indices = firstIndex..<firstIndex + Int64(names.count)
      firstIndex = indices.upperBound
      var numbers = try numbers(of: group)
      for (name, flag) in statement.switches[optimizer.rule]?.sorted(by: { $0.key < $1.key }) ?? []
      {
        numbers[name] = .tensor(try Tensor([flag], shape: .scalar))
      }
      if isScheduled { numbers[statement.firstRate] = .double(group.initialLearningRate) }
      numbers[statement.parameters] = .tensor(try Tensor(vector: Array(indices)))
      numbers[statement.names] = .strings(names.map { statement.name(of: $0) })
      attributes[owner] = numbers
    }
    return attributes
  }

  /// A group's numbers under the dialect's words, `betas[0]` and `betas[1]` as one array.
  private func numbers(
    of group: ParameterGroup
  ) throws(FlywheelError) -> OrderedDictionary<String, AttributeValue> {
    var numbers: OrderedDictionary<String, AttributeValue> = [:]
    var arrays: OrderedDictionary<String, [Double]> = [:]
    for (name, value) in group.hyperparameters.ordered {
      // What only Flywheel has, the dialect has no word for, and needs none while it is off.
      if name == .momentumCorrection, value.isOff { continue }
      let word = word(for: name)
      if let bracket = word.firstIndex(of: "[") {
        arrays[String(word[..<bracket]), default: []].append(value.number)
        continue
      }
      numbers[word] =
        switch value {
        case .number(let number): .double(number)
        case .flag(let flag): .tensor(try Tensor([flag], shape: .scalar))
        }
    }
    for (word, values) in arrays { numbers[word] = .tensor(try Tensor(vector: values)) }
    return numbers
  }
}
