/// What a pickle names instead of containing it: a class or a function of a Python module.
///
/// Nothing of the name is ever looked up or called; it only says what the bytes around it mean.
public struct PickleGlobal: Sendable, Hashable {
  /// The module, such as `torch._utils`.
  public let module: String
  /// The name within the module, such as `_rebuild_tensor_v2`.
  public let name: String

  /// Names a class or a function.
  public init(module: String, name: String) {
    self.module = module
    self.name = name
  }
}

extension PickleGlobal: CustomStringConvertible {
  /// Module and name, as Python writes them.
  public var description: String { "\(module).\(name)" }
}
