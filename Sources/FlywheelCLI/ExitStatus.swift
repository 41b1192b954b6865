import ArgumentParser

/// What the process tells scripts when it ends.
enum ExitStatus: Int32 {
  /// The answer is no: it differs, or does not verify.
  case no = 1
  /// The question could not be answered, or the work not be done.
  case trouble = 2

  /// The status of a process that a signal stopped after it had saved.
  static func stopped(by signal: CInt) -> ExitCode { ExitCode(128 + signal) }
}
