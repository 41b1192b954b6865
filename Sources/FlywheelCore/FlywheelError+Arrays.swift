package import SystemPackage

extension FlywheelError {
  /// There is no array of a name.
  package static func noArray(_ key: String, in path: FilePath) -> FlywheelError {
    FlywheelError(
      .notFound,
      "There is no array '\(key)' here; `flywheel inspect` lists them.",
      at: Location(path: path, tensor: key)
    )
  }

  /// An array cannot be a tensor, as its elements are only carried.
  package static func onlyCarried(_ element: ElementType) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "The elements are of type \(element): they can be converted to another file, but they are no "
        + "numbers that Flywheel computes with."
    )
  }
}
