import ArgumentParser

/// What training says while it goes and when it ends.
struct ReportingOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Say nothing but errors, and what must not go unnoticed.")
  var quiet = false

  @Flag(help: "Print the result as one JSON object on standard output.")
  var json = false
}
