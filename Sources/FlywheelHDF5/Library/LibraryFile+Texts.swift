internal import CFlywheelHDF5
internal import FlywheelCore

extension LibraryFile {
  func strings(at place: HDF5Path) throws(FlywheelError) -> [String] {
    try HDF5Library.call { () throws(FlywheelError) in
      let open = try open(place)
      try open.dataset.checkStorage()
      guard open.description.type_class == H5T_STRING else {
        throw FlywheelError(
          .mismatch,
          "The dataset holds \(open.dataset.typeDescription), not text; ask for a tensor."
        )
      }
      let shape = open.dataset.shape
      let texts = try texts(open.description, count: shape.elementCount) {
        (type, bytes) throws(FlywheelError) in
        try check(open, reading: HDF5Block(whole: shape), into: bytes.count)
        return unsafe bytes.withUnsafeMutableBytes { buffer in
          unsafe fw_h5_read_all(open.handle.id, type, buffer.baseAddress)
        }
      }
      guard let texts else { throw HDF5Library.damage("the dataset", path: path) }
      return try texts.enumerated().map { (index, text) throws(FlywheelError) in
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

  /// Reads texts from their own bytes, or from where they say they are.
  ///
  /// - Parameters:
  ///   - description: What libhdf5 says about them.
  ///   - count: How many they are.
  ///   - read: Fills bytes with elements of a type in memory; gives libhdf5's status.
  /// - Throws: What `read` throws, `limitExceeded` for more than the file can justify, and `malformed` or
  ///   `truncated` for a damaged heap.
  /// - Returns: The texts, nil for those that are not UTF-8; nil if libhdf5 could not read them.
  func texts(
    _ description: fw_h5_description,
    count: Int,
    _ read: (hid_t, inout [UInt8]) throws(FlywheelError) -> CInt
  ) throws(FlywheelError) -> [String?]? {
    guard count > 0 else { return [] }
    let isVariable = description.is_variable_text != 0
    let elementSize = isVariable ? Int(FW_H5_REFERENCE_SIZE) : description.type_byte_count
    let (byteCount, overflow) = count.multipliedReportingOverflow(by: elementSize)
    try limit.check(overflow ? .max : byteCount, "texts")
    let made = unsafe withUnsafePointer(to: description) { unsafe fw_h5_new_text_type($0) }
    guard let type = HDF5Handle(made) else { return nil }
    var elements = [UInt8](repeating: 0, count: byteCount)
    guard try read(type.id, &elements) >= 0 else { return nil }
    guard isVariable else {
      return stride(from: 0, to: byteCount, by: elementSize).map {
        Self.text(elements[$0..<$0 + elementSize])
      }
    }
    // References of the size that libhdf5 was told have addresses of eight bytes.
    let image = FileImage(
      storage: bytes,
      baseAddress: signatureOffset,
      offsetSize: 8,
      lengthSize: 8
    )
    var heap = GlobalHeapCollections(in: image)
    var references = FieldReader(elements.rawBytes, fileOffset: 0, in: image)
    var total = 0
    var texts: [String?] = []
    for _ in 0..<count {
      guard let text = try heap.text(&references) else {
        texts.append("")
        continue
      }
      // Many references may lead to one text, which in a sound file has one.
      total += text.count
      guard total <= max(limit.fillLimit, bytes.byteCount) else {
        throw FlywheelError(
          .limitExceeded,
          "The texts have more than \(total) bytes, the file only \(bytes.byteCount); it is damaged."
        )
      }
      texts.append(unsafe text.span.withUnsafeBytes { unsafe Self.text(Array($0)[...]) })
    }
    return texts
  }

  /// A text without its padding; nil if it is not UTF-8.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
    String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
