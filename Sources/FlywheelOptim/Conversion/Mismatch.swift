/// Why a conversion cannot be, before it is a verdict.
struct Mismatch: Error {
  /// The reason, as `Verdict.impossible` says it.
  let reason: String
  /// Whether only the decay is to blame, so that another form of it may do.
  var isOfDecay = false
}
