import FlywheelCore
import FlywheelNPZ
import SystemPackage

/// What holds for any bytes that are read as a .npy file.
public enum NPYLaws {
  /// Reads bytes as a file, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count)
    let storage = try bytes.storage()
    let header = try attempt { () throws(FlywheelError) in try NPYHeader(parsing: storage.bytes) }
    if let header { try checkWriting(header, byteCount: bytes.count) }
    let file = try attempt { () throws(FlywheelError) in try NPYFile(storage, path: "a.npy") }
    guard let file else { return }
    try ArchiveLaws.check(file, attempt) { (array, elements) throws(BrokenLaw) in
      guard let header, header.byteCount + array.byteCount <= bytes.count else {
        throw BrokenLaw("\(array) is read from \(bytes.count) bytes")
      }
      try BrokenLaw.unless(array == header.array, "the listing has another array than the header")
      try checkOrder(of: elements, header, Array(bytes[header.byteCount...]))
    }
  }

  /// A header that is written again says the same.
  private static func checkWriting(_ header: NPYHeader, byteCount: Int) throws(BrokenLaw) {
    let written = header.bytes
    // Escapes, such as `\x00`, are four times what they stand for.
    try BrokenLaw.unless(written.count <= 4 * byteCount + 256, "a header of \(written.count) bytes")
    let again = read(written)
    try BrokenLaw.unless(again?.byteCount == written.count, "a written header reads as another")
    try BrokenLaw.unless(again?.array == header.array, "a written header has another array")
    try BrokenLaw.unless(again?.isFortranOrder == header.isFortranOrder, "in another order")
    try BrokenLaw.unless(again?.isBigEndian == header.isBigEndian, "of another byte order")
    try BrokenLaw.unless(again?.bytes == written, "a written header is written otherwise")
    // The small floats of `ml_dtypes` have no name of their own there.
    guard let plain = try? NPYHeader(header.array) else {
      throw BrokenLaw("what was read cannot be written: \(header.array)")
    }
    try BrokenLaw.unless(
      read(plain.bytes)?.array.byteCount == header.array.byteCount
        && read(plain.bytes)?.array.shape == header.array.shape,
      "what was read is written as another array"
    )
  }

  private static func read(_ bytes: [UInt8]) -> NPYHeader? {
    guard let storage = try? bytes.storage() else { return nil }
    return try? NPYHeader(parsing: storage.bytes)
  }

  /// By the definition: in Fortran's order the first axis varies fastest, and a number that is big-endian
  /// has its bytes from the back.
  private static func checkOrder(
    of elements: [UInt8],
    _ header: NPYHeader,
    _ file: [UInt8]
  ) throws(BrokenLaw) {
    let shape = header.array.shape
    let size = header.array.element.byteCount
    guard size > 0, shape.elementCount <= 1 << 12 else { return }
    let isComplex = [.complex64, .complex128].contains(header.array.element.dtype)
    let part = header.isBigEndian ? (isComplex ? size / 2 : size) : 1
    for place in 0..<shape.elementCount {
      let source = header.isFortranOrder ? fortranPlace(of: place, shape) : place
      for byte in 0..<size {
        let swapped = byte / part * part + (part - 1 - byte % part)
        try BrokenLaw.unless(
          elements[place * size + byte] == file[source * size + swapped],
          "byte \(byte) of element \(place) is not the file's"
        )
      }
    }
  }

  private static func fortranPlace(of place: Int, _ shape: Shape) -> Int {
    var rest = place
    var stride = shape.elementCount
    var source = 0
    for extent in shape.extents.reversed() {
      stride /= extent
      source += rest % extent * stride
      rest /= extent
    }
    return source
  }
}
