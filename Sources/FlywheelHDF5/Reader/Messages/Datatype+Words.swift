extension Datatype {
  /// The type in words, for those that Flywheel does not read.
  var words: String {
    let size = "of \(byteCount) bytes"
    return switch kind {
    case .integer: "an unusual integer \(size)"
    case .float(let format):
      "an unusual floating-point number \(size): \(format.precision) bits, of them "
        + "\(format.exponentSize) of exponent and \(format.mantissaSize) of mantissa, "
        + "bias \(format.exponentBias)"
    case .time: "a time"
    case .text: "text \(size)"
    case .variableText: "text of variable length"
    case .bitField: "a bit field \(size)"
    case .opaque: "opaque bytes, \(size)"
    case .compound: "a compound type \(size)"
    case .reference: "a reference"
    case .enumeration: "an enumeration \(size), other than h5py's bool"
    case .sequence: "sequences of variable length"
    case .array: "an array type \(size)"
    case .complex: "an unusual complex number \(size)"
    }
  }
}
