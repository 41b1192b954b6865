import ArgumentParser
import FlywheelConvert
import FlywheelCore
import FlywheelDiff
import FlywheelReport
import SystemPackage

/// `flywheel diff`: where two training states differ, and whether it matters.
struct DiffCommand: FileReadingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two checkpoints, runs or files of tensors: where they differ, and how far.",
    discussion: """
      Compares arrays with their partners, and of training states everything else that decides how they \
      go on: hyperparameters, steps, schedules, random streams, the place in the data. Formats may \
      differ, and so may frameworks: B is brought into A's convention first, names, axes and, where two \
      update rules are the same run, the optimizer's buffers; so a run in PyTorch's convention and the \
      same one in Keras's are equal. What was converted is said. Which run wrote a file, and when, \
      how long it is to train and when it saves, is no difference. Of files of other programs the \
      numbers that both say are compared, an epoch or a schedule's say. A directory of a run stands for its \
      newest whole checkpoint.

      Two runs are compared at every step of which both have a checkpoint, too, and two traces at every \
      step that both have: at which step each tensor leaves the tolerance, how fast it does, and which \
      one parted first. Traces tell why: if equal weights have another gradient, it is the data or the \
      model; if equal gradients move them elsewhere, the update rule or its numbers.

      Partners are found by name; where that leaves arrays alone, by what they mean in the dialects of \
      both files. --align says how instead: name, dialect, or shape, which takes arrays in their order \
      and exchanges axes where that fits. What has no partner, another shape or another type is a \
      difference.

      Two elements are the same if |a - b| <= atol + rtol max(|a|, |b|), by default as in torch.testing: \
      rtol 1.3e-6 and atol 1e-5 in float32, 1e-7 both in float64, 1e-3 and 1e-5 in float16, 1.6e-2 and \
      1e-5 in bfloat16, 0 in integers; of two types the coarser counts. Of an optimizer's buffer the \
      default atol is multiplied by its largest magnitude, since its unit is a convention. NaN is the \
      same as NaN unless --nan-differs; 0 is the same as -0 unless --exact; an infinity is the same as \
      itself only. Numbers outside of arrays are the same to 1e-7 of the larger, or --exact.

      Examples:
        flywheel diff runs/1 runs/2
        flywheel diff before.h5 after.npz --exact
        flywheel diff runs/1 keras.npz               # dialects are recognised
        flywheel diff torch.npz keras.npz --rule-a 'torch.optim.SGD(lr=.01, momentum=.9)' \\
          --rule-b 'keras.SGD(.01, momentum=.9)'     # buffers in one convention, too
        flywheel diff a.npz b.npz --rename net/=model/ --only 'model/**'
        flywheel diff a.npz keras.h5 --align shape
        flywheel diff runs/1 runs/2 --report runs.html   # a page with charts
        flywheel diff runs/1/trace-0.h5 runs/2/trace-0.h5
        flywheel diff a.h5 b.h5 --rtol 1e-3 --tolerance '**bias:atol=1e-4'

      Exit status: 0 the same, 1 different, 2 trouble.
      """
  )

  @Argument(
    help: ArgumentHelp(
      "A file of any format, a run's directory, or a directory of .npy files.",
      valueName: "a"
    )
  )
  var first: String

  @Argument(help: ArgumentHelp("What to compare it with.", valueName: "b"))
  var second: String

  @OptionGroup(title: "Partners")
  var partners: PartnerOptions

  @OptionGroup(title: "Tolerance")
  var tolerance: ToleranceOptions

  @Flag(help: "List what is the same, too.")
  var all = false

  @Flag(help: "Print one JSON object: an instance of schemas/diff.schema.json.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Write what was found to a page of HTML that needs no network, with charts.",
      valueName: "file.html"
    )
  )
  var report: String?

  @Flag(name: .shortAndLong, help: "Say nothing but errors: the exit status tells.")
  var quiet = false

  @OptionGroup var reading: ReadingOptions

  func validate() throws {
    if let report, !["html", "htm"].contains(FilePath(report).extension?.lowercased()) {
      throw ValidationError("--report is '\(report)'; a report is written as HTML, to a file.html.")
    }
  }

  func run() throws {
    let options = try comparisonOptions()
    let (one, other) = (FilePath(first), FilePath(second))
    let paths = try PathComparison(one, other, options, naming: try partners.naming())
    if let report {
      let page = try DifferenceReport(
        of: first,
        and: second,
        paths.comparison,
        divergence: paths.divergence,
        history: PathComparison.history(one, other)
      )
      try TextFile.write(page.html(), to: report, isQuiet: quiet)
    }
    if json {
      Terminal.output.print(ComparisonJSON.value(of: paths, options).prettyText())
    } else if !quiet {
      let terminal = Terminal.output
      let columns = terminal.isInteractive ? max(60, terminal.width - 1) : 80
      ComparisonView(
        paths.comparison,
        divergence: paths.divergence,
        showsAll: all,
        columns: columns
      )
      .show(on: terminal)
    }
    guard paths.isSame else { throw ExitCode(ExitStatus.no.rawValue) }
  }

  private func comparisonOptions() throws(FlywheelError) -> ComparisonOptions {
    ComparisonOptions(
      pairing: partners.align,
      tolerances: try tolerance.tolerances(),
      ignoresDType: tolerance.ignoreDtype,
      selection: partners.only.map { NamePattern($0) },
      first: try partners.first(),
      second: try partners.second()
    )
  }
}
