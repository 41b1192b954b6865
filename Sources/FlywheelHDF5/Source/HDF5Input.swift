internal import FlywheelCore

/// An open dataset of a source, whose elements can be read by several threads at once.
protocol HDF5Input: Sendable {
  /// What it is.
  var dataset: HDF5Dataset { get }

  /// Reads elements: without copying them where they lie in one piece as they are to be.
  ///
  /// - Parameters:
  ///   - block: Which part of the dataset; nil for all of it.
  ///   - asTensor: Whether they must be numbers, aligned to their size.
  /// - Throws: `invalidArgument` if the block does not lie within the dataset, `unsupported` for what is not
  ///   read, and what else `HDF5File.tensor(_:)` throws.
  /// - Returns: The elements, row-major and little-endian.
  func elements(
    of block: HDF5Block?,
    asTensor: Bool
  ) throws(FlywheelError) -> HDF5Elements
}

extension HDF5Input {
  /// Reads a tensor.
  ///
  /// - Parameter block: Which part of the dataset; nil for all of it.
  /// - Throws: As `elements(of:asTensor:)`, and `malformed` for truth values that are neither true nor false.
  /// - Returns: The elements.
  func tensor(_ block: HDF5Block? = nil) throws(FlywheelError) -> Tensor {
    try elements(of: block, asTensor: true).tensor()
  }
}
