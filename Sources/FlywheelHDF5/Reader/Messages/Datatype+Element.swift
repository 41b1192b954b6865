internal import FlywheelCore

extension Datatype {
  /// The order of the bytes of its numbers, where a number has more than one.
  var isBigEndian: Bool {
    switch kind {
    case .integer(let bits, _), .time(let bits), .bitField(let bits):
      bits.isBigEndian && byteCount > 1
    case .float(let format): format.order == .bigEndian && byteCount > 1
    case .enumeration(let base, _): base.isBigEndian
    case .complex(let part): part.isBigEndian
    case .compound(let members): complexPart(members)?.isBigEndian ?? false
    case .text, .opaque, .reference, .sequence, .variableText, .array: false
    }
  }

  /// What its elements are; nil if Flywheel does not read them.
  ///
  /// Opaque bytes can be numbers that an attribute names; who knows the attributes asks them first. Truth
  /// values can have more bytes in the file than one.
  var elementType: ElementType? {
    if let dtype { return .number(dtype) }
    switch kind {
    case .text: return .opaque(OpaqueType(name: "|S\(byteCount)", byteCount: byteCount))
    case .opaque(let tag): return .opaque(OpaqueType(tag: tag, byteCount: byteCount))
    default: return nil
    }
  }

  private var dtype: DType? {
    switch kind {
    case .integer(let bits, let isSigned):
      isWhole(bits) ? Self.integer(byteCount, isSigned: isSigned) : nil
    // PyTables has truth values as eight bits.
    case .bitField(let bits): isWhole(bits) && byteCount == 1 ? .bool : nil
    case .float(let format): format.dtype(byteCount: byteCount)
    case .enumeration(let base, let names): base.isTruth(names) ? .bool : nil
    case .compound(let members): complexPart(members).flatMap(Self.complex)
    case .complex(let part): Self.complex(of: part)
    case .time, .text, .opaque, .reference, .sequence, .variableText, .array: nil
    }
  }

  private func isWhole(_ bits: BitField) -> Bool {
    bits.offset == 0 && bits.precision == 8 * byteCount
  }

  private static func integer(_ byteCount: Int, isSigned: Bool) -> DType? {
    switch (byteCount, isSigned) {
    case (1, true): .int8
    case (2, true): .int16
    case (4, true): .int32
    case (8, true): .int64
    case (1, false): .uint8
    case (2, false): .uint16
    case (4, false): .uint32
    case (8, false): .uint64
    default: nil
    }
  }

  /// Whether an enumeration of these integers is a truth value: h5py has bytes, others any integers.
  private func isTruth(_ names: [Name]) -> Bool {
    guard dtype != nil else { return false }
    let zero = [UInt8](repeating: 0, count: byteCount)
    var one = zero
    one[isBigEndian ? byteCount - 1 : 0] = 1
    let falseAndTrue = [Name(name: "FALSE", value: zero), Name(name: "TRUE", value: one)]
    return names == falseAndTrue || names == falseAndTrue.reversed()
  }

  /// The type of both parts of a complex number, as h5py and netCDF4, or MATLAB, name them.
  private func complexPart(_ members: [Member]) -> Datatype? {
    guard members.count == 2 else { return nil }
    let (first, second) =
      members[0].offset == 0 ? (members[0], members[1]) : (members[1], members[0])
    let names = (first.name, second.name)
    guard names == ("r", "i") || names == ("real", "imag"), first.type == second.type,
      first.offset == 0, second.offset == first.type.byteCount,
      byteCount == 2 * first.type.byteCount
    else { return nil }
    return first.type
  }

  private static func complex(of part: Datatype) -> DType? {
    switch part.dtype {
    case .float32: .complex64
    case .float64: .complex128
    default: nil
    }
  }
}

extension Datatype.FloatFormat {
  /// The bits of the numbers that Flywheel reads.
  private static let known: [(dtype: DType, exponentSize: Int, mantissaSize: Int)] = [
    (.float32, 8, 23), (.float64, 11, 52), (.float16, 5, 10), (.bfloat16, 8, 7),
    (.float8E4M3FN, 4, 3), (.float8E5M2, 5, 2),
  ]

  /// The dtype of numbers without padding, the sign in the highest bit and an implied leading one; nil if they
  /// are others.
  fileprivate func dtype(byteCount: Int) -> DType? {
    let found = Self.known.first {
      $0.exponentSize == exponentSize && $0.mantissaSize == mantissaSize
    }
    guard let dtype = found?.dtype, dtype.byteCount == byteCount, order != .vax,
      bitOffset == 0, precision == 8 * byteCount, signPlace == precision - 1,
      mantissaPlace == 0, exponentPlace == mantissaSize, normalisation == .implied,
      exponentBias == UInt32(1) << UInt32(exponentSize - 1) - 1
    else { return nil }
    return dtype
  }
}
