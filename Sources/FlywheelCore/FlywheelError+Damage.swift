extension FlywheelError {
  /// Whether the file itself is at fault, rather than the way to it, this machine or this version.
  ///
  /// What is damaged may be passed over for an older file; anything else must be told, or work that is
  /// whole would be lost.
  package var isDamage: Bool {
    switch code {
    case .malformed, .truncated, .corrupted, .mismatch: true
    // A member or tensor that the file should have; a file that is not there is no damage.
    case .notFound: location.tensor != nil
    default: false
    }
  }
}
