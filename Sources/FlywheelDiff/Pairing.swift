import FlywheelCore

/// The arrays of two sides with their partners.
struct Pairing {
  /// How they were found.
  var method: PairingMethod
  /// The partners, in the order of the first side.
  var pairs: [(first: DiffTensor, second: DiffTensor)] = []
  /// What only the first side has.
  var onlyFirst: [DiffTensor] = []
  /// What only the second side has.
  var onlySecond: [DiffTensor] = []

  /// How many arrays have no partner.
  var loneCount: Int { onlyFirst.count + onlySecond.count }

  /// How many have a partner of their shape.
  var fittingCount: Int {
    pairs.count { $0.first.description?.shape == $0.second.description?.shape }
  }

  /// Finds partners by name.
  init(byName first: [DiffTensor], _ second: [DiffTensor], _ method: PairingMethod) {
    self.method = method
    var others = Dictionary(
      second.map { ($0.name, $0) },
      uniquingKeysWith: { first, _ in first }
    )
    for tensor in first {
      if let partner = others.removeValue(forKey: tensor.name) {
        pairs.append((tensor, partner))
      } else {
        onlyFirst.append(tensor)
      }
    }
    onlySecond = second.filter { others[$0.name] != nil }
  }

  /// Finds partners by shape: each array of the first side takes the first of the second that is left and
  /// has its shape, as it is or once its axes are reversed, or but for axes of extent 1.
  init(
    byShape first: [DiffTensor],
    _ second: [DiffTensor]
  ) throws(FlywheelError) {
    method = .shape
    var rest = second
    for tensor in first {
      guard let shape = tensor.description?.shape,
        let index = rest.firstIndex(where: { $0.fit(to: shape) != nil })
      else {
        onlyFirst.append(tensor)
        continue
      }
      pairs.append((tensor, try Self.closest(rest.remove(at: index), to: tensor)))
    }
    onlySecond = rest
  }

  /// The array as it lies nearest to another: of a square one nobody knows which axis is which.
  private static func closest(
    _ tensor: DiffTensor,
    to partner: DiffTensor
  ) throws(FlywheelError) -> DiffTensor {
    guard let shape = partner.description?.shape else { return tensor }
    switch tensor.fit(to: shape) {
    case nil, .same: return tensor
    case .reshaped: return try tensor.reshaped(to: shape)
    case .reversed: return try tensor.transposed()
    case .sameOrReversed:
      guard tensor.obstacle == nil, partner.obstacle == nil else { return tensor }
      let other = try tensor.transposed()
      let goal = try partner.tensor()
      let asItIs = try goal.difference(from: try tensor.tensor(), within: Tolerance())
      let exchanged = try goal.difference(from: try other.tensor(), within: Tolerance())
      return exchanged.rootMeanSquare < asItIs.rootMeanSquare ? other : tensor
    }
  }
}

/// How an array gets the shape of another.
private enum ShapeFit {
  case same
  case reversed
  case sameOrReversed
  case reshaped
}

extension DiffTensor {
  fileprivate func fit(to shape: Shape) -> ShapeFit? {
    guard let own = description?.shape else { return nil }
    let isReversible = own.rank > 1 && own.extents.reversed() == shape.extents
    if own == shape { return isReversible && own.rank == 2 ? .sameOrReversed : .same }
    if isReversible { return .reversed }
    return own.extents.filter { $0 != 1 } == shape.extents.filter { $0 != 1 } ? .reshaped : nil
  }

  fileprivate func transposed() throws(FlywheelError) -> DiffTensor {
    guard let description else { return self }
    let axes = Array((0..<description.shape.rank).reversed())
    return changed(
      to: try TensorDescription(
        element: description.element,
        shape: try Shape(axes.map { description.shape.extents[$0] })
      ),
      "transposed"
    ) { (tensor) throws(FlywheelError) in try tensor.transposed(axes) }
  }

  fileprivate func reshaped(to shape: Shape) throws(FlywheelError) -> DiffTensor {
    guard let description else { return self }
    return changed(
      to: try TensorDescription(element: description.element, shape: shape),
      "reshaped"
    ) { (tensor) throws(FlywheelError) in
      try Tensor(
        dtype: tensor.dtype,
        shape: shape,
        storage: tensor.storage,
        byteOffset: tensor.byteOffset
      )
    }
  }
}
