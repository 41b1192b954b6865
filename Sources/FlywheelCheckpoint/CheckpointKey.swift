package import FlywheelCore

/// The paths that a checkpoint's tensors lie under, the same in every container.
public enum CheckpointKey {
  /// The JSON document.
  public static let document = "flywheel.metadata"
  /// The steps at which the history's metrics were taken.
  public static let historySteps = "history/step"
  /// The number of steps taken before each row of a trace.
  public static let traceSteps = "trace/step"

  static let model = "model"
  static let master = "master"
  static let optimizer = "optimizer"
  static let random = "random"
  static let history = "history"
  static let gradient = "gradient"

  /// Checks that a document is not too long to be read: 64 MiB are more than a hundred thousand tensors
  /// need, and parsed it takes many times as much memory.
  ///
  /// - Parameter elementCount: The number of its bytes.
  /// - Throws: `limitExceeded`, with both numbers.
  package static func requireReadableDocument(elementCount: Int) throws(FlywheelError) {
    let limit = 64 << 20
    guard elementCount > limit else { return }
    throw FlywheelError(
      .limitExceeded,
      "The document has \(elementCount) bytes; Flywheel reads up to \(limit).",
      at: .init(tensor: document)
    )
  }

  /// The key of a parameter.
  ///
  /// - Parameter name: The parameter's name.
  /// - Returns: The key.
  public static func parameter(_ name: String) -> String { "\(model)/\(component(name))" }

  /// The key of a parameter in the optimizer's precision.
  ///
  /// - Parameter name: The parameter's name.
  /// - Returns: The key.
  public static func master(_ name: String) -> String { "\(master)/\(component(name))" }

  /// The key of an optimizer's buffer.
  ///
  /// - Parameters:
  ///   - slot: The slot's name, for example `velocity`.
  ///   - parameter: The name of the parameter that the buffer belongs to.
  /// - Returns: The key.
  public static func slot(_ slot: String, of parameter: String) -> String {
    "\(optimizer)/\(component(slot))/\(component(parameter))"
  }

  /// The key of a parameter's gradients in a trace.
  ///
  /// - Parameter name: The parameter's name.
  /// - Returns: The key.
  public static func gradient(_ name: String) -> String { "\(gradient)/\(component(name))" }

  /// The key of a random stream's state.
  ///
  /// - Parameter name: The stream's name.
  /// - Returns: The key.
  public static func randomStream(_ name: String) -> String { "\(random)/\(component(name))" }

  /// The key of a metric's history.
  ///
  /// - Parameter name: The metric's name.
  /// - Returns: The key.
  public static func metric(_ name: String) -> String { "\(history)/\(component(name))" }

  /// A name as one component of a path: `/`, `%` and names of dots alone are escaped, so that
  /// different names never meet and none leaves its group.
  ///
  /// - Parameter name: The name.
  /// - Returns: The component.
  public static func component(_ name: String) -> String {
    if !name.isEmpty, name.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) {
      return String(repeating: "%2E", count: name.utf8.count)
    }
    guard name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "%") }) else {
      return name
    }
    var escaped = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "%": escaped += "%25"
      case "/": escaped += "%2F"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The name that a component stands for; nil if it was not made by `component`.
  ///
  /// - Parameter component: One component of a path.
  /// - Returns: The name.
  public static func name(fromComponent component: String) -> String? {
    var name: [UInt8] = []
    var bytes = component.utf8.makeIterator()
    while let byte = bytes.next() {
      guard byte == UInt8(ascii: "%") else {
        name.append(byte)
        continue
      }
      switch (bytes.next(), bytes.next()) {
      case (UInt8(ascii: "2"), UInt8(ascii: "5")): name.append(UInt8(ascii: "%"))
      case (UInt8(ascii: "2"), UInt8(ascii: "E")): name.append(UInt8(ascii: "."))
      case (UInt8(ascii: "2"), UInt8(ascii: "F")): name.append(UInt8(ascii: "/"))
      default: return nil
      }
    }
    let text = String(decoding: name, as: UTF8.self)
    return self.component(text) == component ? text : nil
  }
}
