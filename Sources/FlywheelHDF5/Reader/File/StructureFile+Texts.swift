internal import FlywheelCore

extension StructureFile {
  func strings(at place: HDF5Path) throws(FlywheelError) -> [String] {
    let parts = try parts(of: try object(at: place, .dataset))
    let dataset = HDF5Dataset(parts, at: place, in: image)
    try dataset.checkStorage()
    guard let stored = StoredTexts(parts.datatype, in: self) else {
      throw FlywheelError(
        .mismatch,
        "The dataset holds \(dataset.typeDescription), not text; ask for a tensor."
      )
    }
    // Of short texts that were never written, or compress well, the strings need more memory than the file says.
    let (byteCount, overflow) = dataset.shape.elementCount
      .multipliedReportingOverflow(by: stored.byteCount)
    try limit.check(overflow ? .max : byteCount, "texts")
    let elements = try parts.input(as: stored.element, in: self).elements()
    return try stored.texts(elements.stored).enumerated().map {
      (index, text) throws(FlywheelError) in
      guard let text else {
        throw FlywheelError(
          .unsupported,
          "Text \(index) of the dataset is not UTF-8; rewrite it in UTF-8."
        )
      }
      return text
    }
  }
}
