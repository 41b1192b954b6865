internal import FlywheelCore

/// A dataset that Flywheel reads itself.
struct StructureInput: HDF5Input {
  let dataset: HDF5Dataset
  private let input: DatasetInput

  /// Finds the elements of a dataset.
  ///
  /// - Parameters:
  ///   - parts: What its messages say.
  ///   - place: Where it is.
  ///   - file: The file.
  /// - Throws: `unsupported` for elements and storage that are not read, by name, and as `DatasetInput`.
  init(
    _ parts: borrowing DatasetParts,
    at place: HDF5Path,
    in file: StructureFile
  ) throws(FlywheelError) {
    dataset = HDF5Dataset(parts, at: place, in: file.image)
    input = try parts.input(as: try dataset.readableElement(), in: file)
  }

  func elements(
    of block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> HDF5Elements {
    let alignment = asTensor ? try dataset.readableType().alignment : 1
    return try input.elements(of: block, alignment: alignment)
  }
}
