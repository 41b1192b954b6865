/// Facts about this version of Flywheel.
public enum Flywheel {
  /// The version, as semantic versioning has it.
  public static let version = "0.1.0"
  /// How checkpoints name the program that wrote them.
  public static let writer = "flywheel \(version)"
}
