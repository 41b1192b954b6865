import ArgumentParser
import FlywheelCore
import FlywheelTrain

/// The steps of a trace as they are typed: `FROM:COUNT`.
enum TraceArgument {
  static let help: ArgumentHelp = """
    Write COUNT steps, from the one that follows FROM steps, with weights, buffers and gradients \
    into RUN/trace-FROM.h5.
    """

  /// The request that a text stands for.
  ///
  /// - Throws: `invalidArgument`.
  static func request(_ text: String) throws(FlywheelError) -> TraceRequest {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let from = parts[0], let count = parts[1] else {
      throw FlywheelError(
        .invalidArgument,
        "Found '\(text)' where FROM:COUNT is expected, for example 0:3."
      )
    }
    return try TraceRequest(from: from, count: count)
  }
}
