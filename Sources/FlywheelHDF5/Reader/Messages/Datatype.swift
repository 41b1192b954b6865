internal import FlywheelCore

/// The type of elements in a file.
///
/// Format specification, section IV.A.2.d.
struct Datatype: Sendable, Hashable {
  /// The bytes of an element.
  let byteCount: Int
  /// What an element is.
  let kind: Kind

  /// What elements are.
  enum Kind: Sendable, Hashable {
    /// A whole number.
    case integer(bits: BitField, isSigned: Bool)
    /// A number with an exponent.
    case float(FloatFormat)
    /// A time, which nobody writes.
    case time(bits: BitField)
    /// Text of fixed length.
    case text(TextFormat)
    /// Bits that mean whatever a program says.
    case bitField(BitField)
    /// Bytes, with a tag that tells a program what they are.
    case opaque(tag: String)
    /// Members, each at an offset.
    case compound([Member])
    /// A place in the file.
    case reference(ReferenceFormat)
    /// Numbers that have names.
    indirect case enumeration(base: Datatype, names: [Name])
    /// Elements of any number, which lie in the global heap.
    indirect case sequence(of: Datatype)
    /// Text of any length, which lies in the global heap.
    case variableText(TextFormat)
    /// Elements in a shape of their own.
    indirect case array(of: Datatype, extents: [Int])
    /// Two numbers, the real and the imaginary part, as HDF5 2.0 has them of its own.
    indirect case complex(part: Datatype)
  }

  /// A member of a compound type.
  struct Member: Sendable, Hashable {
    /// Its name.
    let name: String
    /// Its first byte.
    let offset: Int
    /// Its type.
    let type: Datatype
  }

  /// A value of an enumeration.
  struct Name: Sendable, Hashable {
    /// Its name.
    let name: String
    /// The bytes of the value, in the order of the base type.
    let value: [UInt8]
  }

  /// The bits of an element that count.
  struct BitField: Sendable, Hashable {
    /// The order of the bytes.
    let isBigEndian: Bool
    /// The lowest bit that counts.
    let offset: Int
    /// How many bits count.
    let precision: Int
  }

  /// What the bits of a floating-point number are.
  struct FloatFormat: Sendable, Hashable {
    /// The order of the bytes.
    let order: ByteOrder
    /// The lowest bit that counts.
    let bitOffset: Int
    /// How many bits count.
    let precision: Int
    /// The place of the sign.
    let signPlace: Int
    /// The lowest bit of the exponent.
    let exponentPlace: Int
    /// The bits of the exponent.
    let exponentSize: Int
    /// What is taken from the exponent.
    let exponentBias: UInt32
    /// The lowest bit of the mantissa.
    let mantissaPlace: Int
    /// The bits of the mantissa.
    let mantissaSize: Int
    /// What is known of the highest bit of the mantissa.
    let normalisation: Normalisation
  }

  /// The order of the bytes of a floating-point number.
  enum ByteOrder: Sendable, Hashable {
    case littleEndian
    case bigEndian
    /// That of a VAX: pairs of bytes, the lower pair last.
    case vax
  }

  /// What is known of the highest bit of a mantissa.
  enum Normalisation: Sendable, Hashable {
    /// Nothing.
    case none
    /// It is one.
    case set
    /// It is one, and not stored.
    case implied
  }

  /// How a text is written.
  struct TextFormat: Sendable, Hashable {
    /// What fills it up.
    let padding: TextPadding
    /// What its bytes mean.
    let characterSet: CharacterSet
  }

  /// What fills a text up.
  enum TextPadding: UInt8, Sendable, Hashable {
    /// Whatever follows a zero.
    case nullTerminated = 0
    /// Zeros.
    case nullPadded = 1
    /// Spaces.
    case spacePadded = 2
  }

  /// What the bytes of a text mean.
  enum CharacterSet: UInt8, Sendable, Hashable {
    case ascii = 0
    case utf8 = 1
  }

  /// What a reference leads to.
  enum ReferenceFormat: UInt8, Sendable, Hashable {
    /// An object of the file.
    case object = 0
    /// A part of a dataset of the file.
    case region = 1
    /// An object, as HDF5 1.12 has it.
    case newObject = 2
    /// A part of a dataset, as HDF5 1.12 has it.
    case newRegion = 3
    /// An attribute.
    case attribute = 4
  }
}
