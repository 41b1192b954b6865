extension String {
  /// The parts of a key between its slashes, empty ones too.
  ///
  /// Slash by slash, as file systems and formats have it: to Swift, a slash and an accent that follows it are
  /// one character, which is no slash.
  package var pathComponents: [String] {
    unicodeScalars.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
  }
}
