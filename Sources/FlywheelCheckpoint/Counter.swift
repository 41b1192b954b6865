/// What counts steps, samples and the like in a checkpoint.
enum Counter {
  /// From nothing to what every JSON reader holds exactly; sums of a few of them cannot overflow.
  static let range = 0...(1 << 53)
}
