import FlywheelCore

/// What computed the run: with Flywheel's own products and equal arithmetic, weights have equal bits.
///
/// A BLAS chooses its own kernels by processor and version, and reported losses use the platform's
/// logarithm.
public struct Backend: Sendable, Hashable {
  /// Who multiplies matrices, for example `flywheel` or `openblas`.
  public var products: String
  /// How the kernels round a multiplication and the addition after it: `fma` once, `separate` twice.
  public var arithmetic: String

  /// Creates a description.
  public init(products: String, arithmetic: String) {
    self.products = products
    self.arithmetic = arithmetic
  }

  var json: JSONValue {
    ["products": JSONValue(products), "arithmetic": JSONValue(arithmetic)]
  }

  init(_ source: JSONObject) throws(FlywheelError) {
    var object = source
    products = try object.string("products")
    arithmetic = try object.string("arithmetic")
    try object.refuseOtherMembers()
  }
}
