public import FlywheelCore

/// One array of a side of a comparison; its elements are fetched when they are asked for.
public struct DiffTensor: Sendable {
  /// The name by which partners are found: as `CheckpointKey` has it where the side is understood, or else
  /// the key in the file, renamed if that was asked for.
  public let name: String
  /// The key in the file; nil for what lies in none.
  public let key: String?
  /// What it is.
  public let role: Role
  /// Its type and shape, as they are compared; nil for what cannot be read.
  public let description: TensorDescription?
  /// What was done to it before it is compared, for people: `transposed`; empty if it is as in the file.
  public let changes: [String]
  /// Why it cannot be compared; nil if it can.
  public let obstacle: String?

  private let fetch: @Sendable () throws(FlywheelError) -> Tensor

  /// What an array is in a training state.
  public enum Role: Sendable, Hashable {
    /// A parameter of the model.
    case parameter(String)
    /// A parameter in the precision that the optimizer keeps.
    case master(of: String)
    /// A buffer of the optimizer.
    case slot(String, of: String)
    /// The gradient of the loss, in a trace.
    case gradient(of: String)
    /// A metric, or the steps at which metrics were taken.
    case history
    /// An array of which nothing is known but its name.
    case array

    /// The parameter that it belongs to, or is; nil if there is none.
    public var parameter: String? {
      switch self {
      case .parameter(let name), .master(let name), .slot(_, let name), .gradient(let name): name
      case .history, .array: nil
      }
    }

    /// Whether its unit is a convention, so that no absolute number is small for it.
    var hasOwnUnit: Bool {
      switch self {
      case .slot, .gradient: true
      case .parameter, .master, .history, .array: false
      }
    }
  }

  init(
    name: String,
    key: String?,
    role: Role = .array,
    description: TensorDescription,
    changes: [String] = [],
    _ fetch: @escaping @Sendable () throws(FlywheelError) -> Tensor
  ) {
    self.name = name
    self.key = key
    self.role = role
    self.description = description
    self.changes = changes
    self.fetch = fetch
    if case .opaque(let type) = description.element {
      obstacle = "elements of type \(type.name) are no numbers"
    } else {
      obstacle = nil
    }
  }

  /// A tensor that is there.
  init(name: String, key: String?, role: Role, _ tensor: Tensor) {
    self.init(name: name, key: key, role: role, description: TensorDescription(of: tensor)) {
      tensor
    }
  }

  /// What cannot be compared.
  init(name: String, key: String?, role: Role = .array, obstacle: String) {
    self.name = name
    self.key = key
    self.role = role
    self.obstacle = obstacle
    description = nil
    changes = []
    fetch = { () throws(FlywheelError) in throw FlywheelError(.unsupported, obstacle) }
  }

  /// The same array, changed on the way.
  func changed(
    to description: TensorDescription,
    _ words: String,
    _ change: @escaping @Sendable (Tensor) throws(FlywheelError) -> Tensor
  ) -> DiffTensor {
    let fetch = fetch
    return DiffTensor(
      name: name,
      key: key,
      role: role,
      description: description,
      changes: changes + [words]
    ) { () throws(FlywheelError) in try change(try fetch()) }
  }

  /// The same array under another name, as what it is in a training state.
  func named(_ name: String, as role: Role) -> DiffTensor {
    guard let description else {
      return DiffTensor(name: name, key: key, role: role, obstacle: obstacle ?? "")
    }
    return DiffTensor(
      name: name,
      key: key,
      role: role,
      description: description,
      changes: changes,
      fetch
    )
  }

  /// Reads the elements, as they are compared.
  ///
  /// - Throws: What reading throws; `unsupported` for what cannot be compared.
  /// - Returns: The tensor: a view of the file where nothing had to be changed.
  public func tensor() throws(FlywheelError) -> Tensor {
    try FlywheelError.locating(tensor: key ?? name) { () throws(FlywheelError) in try fetch() }
  }
}
