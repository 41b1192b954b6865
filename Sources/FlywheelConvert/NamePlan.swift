package import FlywheelCore
import OrderedCollections

/// Which tensors go, under which names, and how they change; and which of the options are of use.
package struct NamePlan {
  private let options: ConversionOptions
  private var usedPatterns: Set<Int> = []
  private var usedRules: Set<Int> = []
  private var usedRenames: Set<Int> = []

  package init(_ options: ConversionOptions) {
    self.options = options
  }

  /// The tensors that go, with their new names and shapes.
  package mutating func apply(
    to tensors: [ConvertedTensor]
  ) throws(FlywheelError) -> [ConvertedTensor] {
    var planned: [ConvertedTensor] = []
    for var tensor in tensors where isSelected(tensor.source) {
      var isNamed = false
      for (index, rule) in options.map.enumerated() {
        guard let name = rule.newName(of: tensor.source) else { continue }
        usedRules.insert(index)
        tensor.target = name
        isNamed = rule.rename != nil
        tensor.change = rule.change
        tensor.result = try FlywheelError.locating(tensor: tensor.source) {
          () throws(FlywheelError) in
          try rule.change.result(of: tensor.original)
        }
        break
      }
      if !isNamed, let name = newName(of: tensor.source) { tensor.target = name }
      planned.append(tensor)
    }
    return planned
  }

  /// What of the unreadable was asked for.
  mutating func selected(
    _ unreadable: [(key: String, reason: String)]
  ) -> [(key: String, reason: String)] {
    unreadable.filter { isSelected($0.key) }
  }

  private mutating func isSelected(_ name: String) -> Bool {
    guard !options.selection.isEmpty else { return true }
    var isSelected = false
    for (index, pattern) in options.selection.enumerated() where pattern.matches(name) {
      usedPatterns.insert(index)
      isSelected = true
    }
    return isSelected
  }

  private mutating func newName(of name: String) -> String? {
    for (index, rename) in options.renames.enumerated() {
      guard let new = rename.newName(of: name) else { continue }
      usedRenames.insert(index)
      return new
    }
    return nil
  }

  /// Checks that each pattern, rule and renaming was about something: it is misspelt otherwise.
  ///
  /// - Throws: `invalidArgument` for the first that was not.
  package func requireAllUsed() throws(FlywheelError) {
    func unused<Option>(_ options: [Option], _ used: Set<Int>) -> Option? {
      options.indices.first { !used.contains($0) }.map { options[$0] }
    }
    let remedy = "'flywheel inspect' lists the names."
    if let pattern = unused(options.selection, usedPatterns) {
      throw FlywheelError(.invalidArgument, "No tensor matches '\(pattern.text)'; \(remedy)")
    }
    if let rule = unused(options.map, usedRules) {
      throw FlywheelError(
        .invalidArgument,
        "The rule for '\(rule.pattern.text)' is about no tensor: none matches, or rules before it match "
          + "them all; \(remedy)"
      )
    }
    if let rename = unused(options.renames, usedRenames) {
      throw FlywheelError(
        .invalidArgument,
        rename.isPrefix
          ? "No tensor's name begins with '\(rename.old)', or rules have renamed them; \(remedy)"
          : "There is no tensor '\(rename.old)', or a rule has renamed it; \(remedy)"
      )
    }
  }

  /// What a plain archive says besides its tensors, under the new names.
  ///
  /// An attribute goes where its tensor or group goes; with a selection, only if it is of a tensor, or one of an
  /// optimizer's numbers.
  mutating func metadata(
    _ source: ArchiveMetadata,
    of tensors: [ConvertedTensor],
    without unreadable: [String]
  ) -> ArchiveMetadata {
    let names = Dictionary(uniqueKeysWithValues: tensors.map { ($0.source, $0.target) })
    var result = ArchiveMetadata()
    for (owner, values) in source.attributes where !unreadable.contains(owner) {
      if let name = names[owner] {
        result.attributes[name] = values
      } else if options.selection.isEmpty || FoundOptimizer.isGroup(owner) && isSelected(owner) {
        result.attributes[newName(ofGroup: owner), default: [:]].merge(values) { _, new in new }
      }
    }
    result.emptyGroups = source.emptyGroups.compactMap { group in
      options.selection.isEmpty || FoundOptimizer.isGroup(group) && isSelected(group)
        ? newName(ofGroup: group) : nil
    }
    result.obstacles = source.obstacles.filter { obstacle in
      options.selection.isEmpty || obstacle.key.map { names[$0] != nil } ?? false
    }
    return result
  }

  /// What a source says, without the optimizers that a selection leaves out; all of them if it has none.
  mutating func withSelectedOptimizers(_ source: ArchiveMetadata) -> ArchiveMetadata {
    guard !options.selection.isEmpty else { return source }
    let groups = source.attributes.keys.filter(FoundOptimizer.isGroup)
    let odd = Set(groups.filter { !isSelected($0) })
    guard odd.count < groups.count else { return source }
    var result = source
    result.attributes.removeAll { odd.contains($0.key) }
    return result
  }

  private mutating func newName(ofGroup group: String) -> String {
    guard !group.isEmpty else { return group }
    for separator in ["/", "."] {
      guard let name = newName(of: group + separator) else { continue }
      return name.hasSuffix("/") || name.hasSuffix(".") ? String(name.dropLast()) : name
    }
    return group
  }
}
