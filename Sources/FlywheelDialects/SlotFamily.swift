public import FlywheelOptim

/// The buffers that some rules of a dialect keep together.
public struct SlotFamily: Sendable, Hashable {
  /// The rules that keep them; empty for all.
  public let rules: [String]
  /// The hyperparameter without which they are not written so; nil if all is the same without it.
  public let condition: Hyperparameter?
  /// The slots in the order in which running numbers go through them: those of a block take turns at each
  /// parameter, and the blocks follow one another.
  public let blocks: [[Slot]]
  /// The counters that only these rules have.
  public let counters: [DialectCounter]

  /// One slot.
  public struct Slot: Sendable, Hashable {
    /// Its name in Flywheel, for example `exp_avg_sq`.
    public let name: String
    /// The dialect's words for it: the first is written, all are read.
    public let words: [String]
    /// The numbers written for `{path}`, with a slash behind each.
    public let path: String
    /// Whether the rules keep it only if a hyperparameter asks for it.
    public let isOptional: Bool

    init(_ name: String, _ words: String..., path: String = "", isOptional: Bool = false) {
      self.name = name
      self.words = words
      self.path = path
      self.isOptional = isOptional
    }
  }

  init(
    _ rules: [String],
    if condition: Hyperparameter? = nil,
    _ blocks: [[Slot]],
    counters: [DialectCounter] = []
  ) {
    self.rules = rules
    self.condition = condition
    self.blocks = blocks
    self.counters = counters
  }

  /// All slots, block by block.
  public var slots: [Slot] { blocks.flatMap(\.self) }

  /// Each choice of optional slots beside those that are always there.
  var choices: [[[Slot]]] {
    var choices: [[[Slot]]] = [[]]
    for block in blocks {
      var blocks: [[Slot]] = [[]]
      for slot in block {
        let with = blocks.map { $0 + [slot] }
        blocks = slot.isOptional ? blocks + with : with
      }
      choices = choices.flatMap { choice in blocks.map { $0.isEmpty ? choice : choice + [$0] } }
    }
    return choices
  }
}
