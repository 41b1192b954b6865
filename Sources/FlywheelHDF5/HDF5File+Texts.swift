internal import CFlywheelHDF5
public import FlywheelCore

extension HDF5File {
  /// Reads a dataset of texts, of fixed or variable length.
  ///
  /// - Parameter path: Where it is.
  /// - Returns: The texts in row-major order, without what they are padded with.
  /// - Throws: As `dataset(_:)`; `mismatch` if it holds no texts, `unsupported` if one is not UTF-8 or the
  ///   storage is not read, `malformed`, `truncated` or `limitExceeded` if the file's numbers cannot be
  ///   true.
  public func strings(at path: String) throws(FlywheelError) -> [String] {
    let place = try located(path)
    do throws(FlywheelError) {
      return try HDF5Library.call { () throws(FlywheelError) in
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
        guard let texts else { throw HDF5Library.damage("the dataset", path: self.path) }
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
    } catch {
      throw error.located(path: self.path, tensor: place.description)
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
    try check(overflow ? .max : byteCount, "texts")
    let made = unsafe withUnsafePointer(to: description) { unsafe fw_h5_new_text_type($0) }
    guard let type = HDF5Handle(made) else { return nil }
    var elements = [UInt8](repeating: 0, count: byteCount)
    guard try read(type.id, &elements) >= 0 else { return nil }
    guard isVariable else {
      return stride(from: 0, to: byteCount, by: elementSize).map {
        Self.text(elements[$0..<$0 + elementSize])
      }
    }
    var heap = GlobalHeap(bytes, baseOffset: signatureOffset)
    var references = ByteReader(elements.rawBytes)
    var total = 0
    var texts: [String?] = []
    for _ in 0..<count {
      guard let place = try heap.find(&references) else {
        texts.append("")
        continue
      }
      // Many references may lead to one text, which in a sound file has one.
      total += place.count
      guard total <= max(fillLimit, self.bytes.byteCount) else {
        throw FlywheelError(
          .limitExceeded,
          "The texts have more than \(total) bytes, the file only \(self.bytes.byteCount); it is damaged."
        )
      }
      texts.append(
        unsafe bytes.bytes.extracting(place).withUnsafeBytes { unsafe Self.text(Array($0)[...]) }
      )
    }
    return texts
  }

  /// A text without its padding; nil if it is not UTF-8.
  private static func text(_ bytes: ArraySlice<UInt8>) -> String? {
    String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
