/// What the name of a metric says: `validation_loss` is the part `validation` of the kind `loss`.
struct MetricName: Hashable {
  /// What is measured, which metrics of one panel share.
  var kind: String
  /// What it is measured on; nil if the name does not say.
  var part: String?

  init(_ name: String) {
    kind = name
    for shared in ["loss", "accuracy"] where name.hasSuffix("_" + shared) {
      let part = String(name.dropLast(shared.count + 1))
      guard !part.isEmpty else { continue }
      kind = shared
      self.part = part
    }
  }

  /// The name as TensorBoard groups it, for example `loss/validation`.
  var tag: String { part.map { "\(kind)/\($0)" } ?? kind }

  /// Whether it is how far training has come, and no measure of it.
  static func isProgress(_ name: String) -> Bool { name == "epoch" }
}
