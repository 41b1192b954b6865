import ArgumentParser
import FlywheelConvert
import FlywheelCore
import FlywheelDiff

/// How far apart elements may be, as flags.
struct ToleranceOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: "What part of the larger element the difference may be. (default: the type's)"
  )
  var rtol: Double?

  @Option(
    parsing: .unconditional,
    help: "What the difference may be however small elements are. (default: the type's)"
  )
  var atol: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "How many representable numbers further on the one may be; --rtol and --atol are then 0 unless they "
        + "are given, too.",
      valueName: "n"
    )
  )
  var ulp: Int?

  @Flag(help: "Only equal bits are the same.")
  var exact = false

  @Option(
    help: ArgumentHelp(
      "Another tolerance for arrays that match, with rtol, atol, ulp, or exact=true: "
        + "'optimizer/**:rtol=1e-3'; may be given again, the first that matches counts.",
      valueName: "pattern:tolerance"
    ),
    transform: Self.override
  )
  var tolerance: [Tolerances.Override] = []

  @Flag(help: "NaN differs from NaN, too.")
  var nanDiffers = false

  @Flag(help: "Arrays of two types may be the same.")
  var ignoreDtype = false

  func validate() throws {
    guard !exact || rtol == nil && atol == nil && ulp == nil else {
      throw ValidationError("--exact allows nothing; leave out --rtol, --atol and --ulp.")
    }
  }

  /// What is allowed.
  func tolerances() throws(FlywheelError) -> Tolerances {
    var common = try Self.change(rtol, atol, ulp, exact)
    if nanDiffers { common.equatesNaN = false }
    return Tolerances(common: common, overrides: tolerance)
  }

  private static func override(_ text: String) throws(FlywheelError) -> Tolerances.Override {
    let example = "rtol=1e-3,atol=1e-6"
    let typed = try TypedMembers(text, such: example)
    guard !typed.subject.isEmpty, !typed.members.isEmpty else {
      throw FlywheelError(
        .invalidArgument,
        "Found '\(text)' where names and tolerances are expected, for example '**bias:\(example)'."
      )
    }
    try typed.refuseOthers(than: ["rtol", "atol", "ulp", "exact"], of: "A tolerance")
    return Tolerances.Override(
      pattern: NamePattern(typed.subject),
      change: try change(
        try typed.number("rtol"),
        try typed.number("atol"),
        try typed.integer("ulp"),
        try typed.truth("exact") ?? false
      )
    )
  }

  private static func change(
    _ relative: Double?,
    _ absolute: Double?,
    _ ulps: Int?,
    _ isExact: Bool
  ) throws(FlywheelError) -> Tolerances.Change {
    for (name, value) in [("rtol", relative), ("atol", absolute)] {
      guard let value, !(value >= 0) || value.isInfinite else { continue }
      throw FlywheelError(
        .invalidArgument,
        "\(name) is \(value); it must be a number of at least 0."
      )
    }
    if let ulps, ulps < 0 {
      throw FlywheelError(.invalidArgument, "ulp is \(ulps); it must be at least 0.")
    }
    return Tolerances.Change(
      relative: relative,
      absolute: absolute,
      ulps: ulps.map { UInt64($0) },
      isExact: isExact
    )
  }
}
