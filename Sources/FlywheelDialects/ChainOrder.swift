/// In which orders dense layers can follow one another, by how many values each takes and gives.
enum ChainOrder: Equatable {
  /// In none.
  case none
  /// In one, which their places say.
  case only([Int])
  /// In several, or in too many to try.
  case several

  /// The values that a layer takes and gives.
  struct Widths {
    var taken: Int
    var given: Int
  }

  /// Looks for orders, until there are two.
  ///
  /// - Parameters:
  ///   - layers: What each layer takes and gives.
  ///   - patterns: What each layer is called; those called alike come in the order in which they are here.
  init(of layers: [Widths], inTurn patterns: [String]) {
    // Layers that are called alike wait for each other.
    var before: [Int?] = []
    var last: [String: Int] = [:]
    for (place, pattern) in patterns.enumerated() {
      before.append(last.updateValue(place, forKey: pattern))
    }
    let taking = Dictionary(grouping: layers.indices) { layers[$0].taken }
    var used = [Bool](repeating: false, count: layers.count)
    var order: [Int] = []
    var found: [Int]?
    // Of each place in the order: the layers that may be there, and how many of them were tried.
    var choices: [(places: [Int], tried: Int)] = [(Array(layers.indices), 0)]
    // There can be more ways to try than there is time; nobody means one of them.
    var budget = 200_000
    while let choice = choices.last {
      guard choice.tried < choice.places.count, order.count < layers.count else {
        if order.count == layers.count {
          guard found == nil else {
            self = .several
            return
          }
          found = order
        }
        choices.removeLast()
        if let place = order.popLast() { used[place] = false }
        continue
      }
      budget -= 1
      guard budget > 0 else {
        self = .several
        return
      }
      choices[choices.count - 1].tried += 1
      let place = choice.places[choice.tried]
      guard !used[place], before[place].map({ used[$0] }) ?? true else { continue }
      used[place] = true
      order.append(place)
      choices.append((taking[layers[place].given] ?? [], 0))
    }
    self = found.map { .only($0) } ?? .none
  }
}
