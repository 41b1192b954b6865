/// How the arrays of two sides find their partners.
public enum PairingMethod: String, Sendable, Hashable, CaseIterable {
  /// By the names in the files.
  case name
  /// By the names that arrays have in Flywheel, once their dialect is understood.
  case dialect
  /// By shape, in the order of the files, with axes exchanged where that helps.
  case shape
}
