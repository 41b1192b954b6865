import FlywheelCore
import FlywheelPickle

/// Arrays and scalars of numpy as its pickles have them, beside tensors in the state of random generators and of
/// those who save what numpy computed.
///
/// `numpy/_core/src/multiarray/methods.c` and `scalartypes.c.src`: an array is an empty one, given a state of a
/// version, its shape, its dtype, whether it is in Fortran's order, and its bytes.
struct NumPyValue {
  let graph: PickleGraph

  /// What makes an array and a scalar; numpy 2 moved the module.
  private static let modules: Set = ["numpy.core.multiarray", "numpy._core.multiarray"]

  /// Whether a function makes an array of numpy.
  static func isArray(_ function: PickleGlobal) -> Bool {
    function.name == "_reconstruct" && modules.contains(function.module)
  }

  /// Whether a function makes a scalar of numpy.
  static func isScalar(_ function: PickleGlobal) -> Bool {
    function.name == "scalar" && modules.contains(function.module)
  }

  /// An array.
  ///
  /// - Parameter reference: The call that makes it.
  /// - Throws: `malformed` if its state is none that numpy writes, `unsupported` if its elements are no numbers.
  /// - Returns: Its elements.
  func array(_ reference: PickleGraph.Reference) throws(FlywheelError) -> Tensor {
    guard let state = graph.state(of: reference), case .tuple(let parts) = graph[state],
      parts.count == 5
    else { throw malformed(reference, "an array of numpy without its elements") }
    let arguments = arguments(parts, of: state)
    let (dtype, isBigEndian) = try dtype(arguments[2])
    return try tensor(
      dtype,
      Shape(try arguments.integers(1, "the extents")),
      try bytes(arguments[4]),
      isBigEndian: isBigEndian,
      isFortranOrder: try arguments.bool(3, "the order"),
      at: reference
    )
  }

  /// A scalar.
  ///
  /// - Parameters:
  ///   - parts: What the function is given: a dtype, and bytes.
  ///   - reference: The call.
  /// - Throws: As `array(_:)`.
  /// - Returns: A tensor of no axes.
  func scalar(
    _ parts: ArraySlice<PickleGraph.Reference>,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Tensor {
    guard parts.count == 2 else {
      throw malformed(reference, "a scalar of numpy of \(parts.count) parts")
    }
    let arguments = arguments(parts, of: reference)
    let (dtype, isBigEndian) = try dtype(arguments[0])
    let contents = try bytes(arguments[1])
    return try tensor(dtype, .scalar, contents, isBigEndian: isBigEndian, at: reference)
  }

  private func arguments(
    _ parts: ArraySlice<PickleGraph.Reference>,
    of reference: PickleGraph.Reference
  ) -> TorchArguments {
    TorchArguments(
      graph: graph,
      function: TorchGlobals.array,
      references: parts,
      offset: graph.offset(of: reference)
    )
  }

  private func tensor(
    _ dtype: DType,
    _ shape: Shape,
    _ contents: [UInt8],
    isBigEndian: Bool,
    isFortranOrder: Bool = false,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) -> Tensor {
    guard try shape.byteCount(of: dtype) == contents.count else {
      throw malformed(
        reference,
        "\(contents.count) bytes of an array of shape \(shape) and dtype \(dtype.rawValue)"
      )
    }
    let storage = try unsafe TensorStorage(byteCount: contents.count) {
      (target) throws(FlywheelError) in
      // As many bytes as there are.
      unsafe target.copyBytes(from: contents)
    }
    let lying = isFortranOrder ? try Shape(shape.extents.reversed()) : shape
    var tensor = try Tensor(dtype: dtype, shape: lying, storage: storage)
    if isBigEndian { tensor = try tensor.byteSwapped() }
    if isFortranOrder { tensor = try tensor.transposed(Array((0..<shape.rank).reversed())) }
    try tensor.checkTruthValues()
    return tensor
  }

  /// The type of elements, and whether they have their high bytes first.
  private func dtype(
    _ reference: PickleGraph.Reference
  ) throws(FlywheelError) -> (DType, isBigEndian: Bool) {
    guard case .call(TorchGlobals.numpyType, let arguments) = graph[reference],
      let first = arguments.first, case .text(let code) = graph[first],
      let state = graph.state(of: reference), case .tuple(let parts) = graph[state],
      let place = parts.dropFirst().first, case .text(let order) = graph[place]
    else { throw malformed(reference, "\(graph[reference].kind) as a dtype of numpy") }
    guard let dtype = Self.dtypes[code] else {
      throw FlywheelError(
        .unsupported,
        "The array of numpy has the dtype '\(code)', whose elements are no numbers; save it apart.",
        at: .init(byteOffset: UInt64(graph.offset(of: reference)))
      )
    }
    return (dtype, isBigEndian: order == ">")
  }

  private static let dtypes: [String: DType] = [
    "b1": .bool, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "u1": .uint8,
    "u2": .uint16, "u4": .uint32, "u8": .uint64, "f2": .float16, "f4": .float32, "f8": .float64,
    "c8": .complex64, "c16": .complex128,
  ]

  private func bytes(_ reference: PickleGraph.Reference) throws(FlywheelError) -> [UInt8] {
    guard let bytes = TorchScalar.bytes(of: reference, in: graph) else {
      throw malformed(reference, "\(graph[reference].kind) as the elements of an array")
    }
    return bytes
  }

  private func malformed(
    _ reference: PickleGraph.Reference,
    _ found: String
  ) -> FlywheelError {
    .malformed(
      found: found,
      expected: "what numpy writes of arrays",
      at: .init(byteOffset: UInt64(graph.offset(of: reference)))
    )
  }
}
