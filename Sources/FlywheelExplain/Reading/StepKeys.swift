import FlywheelCore
import OrderedCollections

/// The arrays of one file that has a step's number in each name, such as `step0/W1` or `W1_0`.
struct StepKeys {
  /// The keys of each step under their names without the number, in the order of the steps.
  let frames: [OrderedDictionary<String, String>]
  /// The number of the first step.
  let first: Int

  /// Tells the steps of a file's arrays by their names; nil if the names do not tell.
  ///
  /// The numbers must stand in the same place of each, and follow one another. A word before them is enough
  /// to tell them; without one, every array needs a number, and those of one name must have one shape.
  ///
  /// - Parameters:
  ///   - arrays: The arrays.
  ///   - isSpelledOut: Whether a word must stand before the number, rather than the number alone.
  init?(_ arrays: OrderedDictionary<String, TensorDescription>, isSpelledOut: Bool) {
    for isInFront in [true, false] {
      var steps: [Int: OrderedDictionary<String, String>] = [:]
      var shapes: [String: Shape] = [:]
      let isRead = arrays.allSatisfy { key, array in
        guard let (name, step) = Self.split(key, isInFront: isInFront, isSpelledOut) else {
          return isSpelledOut
        }
        let isAlike = shapes.updateValue(array.shape, forKey: name) ?? array.shape == array.shape
        return steps[step, default: [:]].updateValue(key, forKey: name) == nil
          && (isAlike || isSpelledOut)
      }
      let numbers = steps.keys.sorted()
      guard isRead, numbers.count > 1, let first = numbers.first, let last = numbers.last,
        last - first == numbers.count - 1
      else { continue }
      self.first = first
      frames = numbers.map { steps[$0] ?? [:] }
      return
    }
    return nil
  }

  /// The name and the number that a key is made of.
  private static func split(
    _ key: String,
    isInFront: Bool,
    _ isSpelledOut: Bool
  ) -> (name: String, step: Int)? {
    let separators: [Character] = ["/", ".", "_", "-"]
    var text = Substring(key)
    guard isInFront else {
      guard let step = number(&text, fromFront: false) else { return nil }
      if isSpelledOut {
        if let last = text.last, separators.contains(last) { text.removeLast() }
        guard let word = DumpWords.steps.first(where: { text.hasSuffix($0) }) else { return nil }
        text.removeLast(word.count)
      }
      guard let last = text.last, separators.contains(last), text.count > 1 else { return nil }
      return (String(text.dropLast()), step)
    }
    if isSpelledOut {
      guard
        let word = DumpWords.steps.first(where: { word in
          text.hasPrefix(word)
            && text.dropFirst(word.count).first.map { $0.isNumber || separators.contains($0) }
              ?? false
        })
      else { return nil }
      text.removeFirst(word.count)
      if let first = text.first, separators.contains(first) { text.removeFirst() }
    }
    guard let step = number(&text, fromFront: true), let first = text.first,
      separators.contains(first), text.count > 1
    else { return nil }
    return (String(text.dropFirst()), step)
  }

  /// Takes a number of at most nine digits off a text.
  private static func number(_ text: inout Substring, fromFront: Bool) -> Int? {
    let isDigit = { (character: Character) in ("0"..."9").contains(character) }
    let digits =
      fromFront
      ? Substring(text.prefix(while: isDigit))
      : Substring(String(text.reversed().prefix(while: isDigit).reversed()))
    guard (1...9).contains(digits.count) else { return nil }
    text = fromFront ? text.dropFirst(digits.count) : text.dropLast(digits.count)
    return Int(digits)
  }
}
