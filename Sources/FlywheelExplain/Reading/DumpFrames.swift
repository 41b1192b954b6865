import FlywheelCore
import OrderedCollections
import SystemPackage

/// The arrays of each dump, wherever they lie: in a file of its own, under names of its own, or in a row of
/// arrays that have the steps in front.
struct DumpFrames {
  /// Each array's tensor at each dump; nil where there is none.
  private var tensors: OrderedDictionary<String, [Tensor?]> = [:]
  /// The number of dumps.
  let count: Int
  /// The parameters and what belongs to them.
  let names: DumpNames
  /// Where each dump lies, for errors.
  private let places: [(path: FilePath, step: String)]
  /// What a person should know of how they were found.
  private(set) var notes: [String] = []

  /// Finds the dumps.
  ///
  /// - Parameters:
  ///   - files: The files, in the order of the steps.
  ///   - options: How arrays are named.
  /// - Throws: As `DumpNames`; `invalidArgument` if there is but one dump; `mismatch` if arrays disagree on
  ///   the number of steps; and what reading throws.
  init(_ files: [DumpFile], _ options: DumpOptions) throws(FlywheelError) {
    guard files.count == 1, let file = files.first else {
      try self.init(files, keys: files.map(Self.own), options, isOneFile: false)
      return
    }
    if let keys = StepKeys(file.arrays, isSpelledOut: true) {
      try self.init(file, keys, options)
      return
    }
    let names = try FlywheelError.locating(path: file.reader.path) { () throws(FlywheelError) in
      try DumpNames(Array(file.arrays.keys), options)
    }
    let keys = StepKeys(file.arrays, isSpelledOut: false)
    let isNumbered = keys != nil && file.arrays.values.allSatisfy { $0.shape.rank < 3 }
    if !isNumbered, Self.hasSteps(file, names) {
      try self.init(rowsOf: file, names)
    } else if let keys {
      try self.init(file, keys, options)
    } else {
      let shapes = names.parameters.prefix(4).map { parameter in
        "'\(parameter.key)' \(file.arrays[parameter.key].map { "\($0.shape)" } ?? "")"
      }
      throw FlywheelError(
        .invalidArgument,
        "This is one dump, and a step is seen between two: give a file for each of at least two consecutive "
          + "steps, in order; or one file whose arrays have the steps as their first axis, all with the same "
          + "extent. Found \(shapes.joined(separator: ", ")).",
        at: .init(path: file.reader.path)
      )
    }
  }

  /// One file with the number of the step in each name.
  private init(
    _ file: DumpFile,
    _ keys: StepKeys,
    _ options: DumpOptions
  ) throws(FlywheelError) {
    try self.init(
      Array(repeating: file, count: keys.frames.count),
      keys: keys.frames,
      options,
      isOneFile: true
    )
    if let name = keys.frames.first?.values.first, let last = keys.frames.last?.values.first {
      notes.append(
        "the names say the steps: \(count), from '\(name)' to '\(last)'"
      )
    }
  }

  /// Files or groups of one dump each.
  private init(
    _ files: [DumpFile],
    keys: [OrderedDictionary<String, String>],
    _ options: DumpOptions,
    isOneFile: Bool
  ) throws(FlywheelError) {
    count = files.count
    places = files.indices.map { (files[$0].reader.path, isOneFile ? "dump \($0)" : "") }
    var union: OrderedSet<String> = []
    for frame in keys { union.formUnion(frame.keys) }
    names = try FlywheelError.locating(path: files.first?.reader.path) { () throws(FlywheelError) in
      try DumpNames(Array(union), options)
    }
    for parameter in names.parameters {
      for name in [parameter.key] + parameter.partners.values {
        var row: [Tensor?] = []
        for (file, keys) in zip(files, keys) {
          row.append(try keys[name].map { (key) throws(FlywheelError) in try file.tensor(key) })
        }
        tensors[name] = row
      }
    }
  }

  /// One file whose arrays have the steps in front.
  private init(rowsOf file: DumpFile, _ names: DumpNames) throws(FlywheelError) {
    self.names = names
    let parameter = names.parameters.first?.key ?? ""
    let count = file.arrays[parameter]?.shape.extents.first ?? 0
    self.count = count
    places = (0..<count).map { (file.reader.path, "row \($0)") }
    for parameter in names.parameters {
      for key in [parameter.key] + parameter.partners.values {
        let rows = try file.tensor(key).rows()
        tensors[key] = rows + Array(repeating: nil, count: max(0, count - rows.count))
      }
    }
    notes.append("the first axis counts the steps: \(count) of them")
  }

  /// The arrays of a file of one dump, under their own names.
  private static func own(_ file: DumpFile) -> OrderedDictionary<String, String> {
    OrderedDictionary(uniqueKeysWithValues: file.arrays.keys.map { ($0, $0) })
  }

  /// Whether the arrays have a first axis of one extent, that of the steps.
  ///
  /// What belongs to a parameter may end one step before it: the last dump needs none.
  private static func hasSteps(_ file: DumpFile, _ names: DumpNames) -> Bool {
    let parameters = names.parameters.map(\.key) + names.leftOver.filter(DumpNames.isPlain)
    let extents = parameters.map { file.arrays[$0]?.shape.extents.first }
    guard let first = extents.first, let count = first, count > 1,
      extents.allSatisfy({ $0 == count })
    else { return false }
    for key in names.parameters.flatMap(\.partners.values) {
      guard let found = file.arrays[key]?.shape.extents.first, found == count || found == count - 1
      else { return false }
    }
    return true
  }

  // MARK: Of each parameter

  /// The parameters over all dumps.
  ///
  /// - Throws: `notFound` for an array that is missing in the middle, `mismatch` for two shapes, and
  ///   `invalidArgument` for what is not finite, with the tensor and the dump.
  /// - Returns: The series.
  func series() throws(FlywheelError) -> [TensorSeries] {
    try names.parameters.map { (parameter) throws(FlywheelError) in
      var weights: [Tensor] = []
      let found = tensors[parameter.key] ?? []
      for (place, tensor) in found.enumerated() {
        guard let tensor else {
          throw error(
            .notFound,
            "'\(parameter.key)' is in other dumps and not in this one; dump every parameter each time.",
            parameter.key,
            place
          )
        }
        try check(
          tensor,
          parameter.key,
          place,
          against: found.first ?? nil,
          "'\(parameter.key)' before"
        )
        weights.append(tensor)
      }
      var series = TensorSeries(
        name: parameter.name,
        isWeight: TensorSeries.isWeight(parameter.name, weights.first?.shape),
        weights: weights
      )
      for (role, key) in parameter.partners {
        let row = tensors[key] ?? []
        for (place, tensor) in row.enumerated() {
          guard let tensor else { continue }
          try check(tensor, key, place, against: weights.first, "'\(parameter.key)'")
        }
        try requireNoGap(row, key)
        switch role {
        case .gradient: series.gradients = row
        case .velocity: series.velocities = row
        case .slot(let name): series.slots[name] = row
        }
      }
      return series
    }
  }

  private func check(
    _ tensor: Tensor,
    _ key: String,
    _ place: Int,
    against other: Tensor?,
    _ otherName: String
  ) throws(FlywheelError) {
    if let other, other.shape != tensor.shape {
      let isTransposed = Array(other.shape.extents.reversed()) == tensor.shape.extents
      throw error(
        .mismatch,
        "'\(key)' has shape \(tensor.shape), \(otherName) has \(other.shape)"
          + (isTransposed
            ? ": dump one of them transposed." : "; all arrays of a parameter need one shape."),
        key,
        place
      )
    }
    guard tensor.isFinite else {
      throw error(
        .invalidArgument,
        "'\(key)' holds NaN or an infinity: the training had already broken down. Dump earlier steps.",
        key,
        place
      )
    }
  }

  /// A gradient or a buffer may be missing at the beginning, and at the end, but not in between.
  private func requireNoGap(_ row: [Tensor?], _ key: String) throws(FlywheelError) {
    guard let first = row.firstIndex(where: { $0 != nil }),
      let last = row.lastIndex(where: { $0 != nil }),
      let gap = row[first...last].firstIndex(where: { $0 == nil })
    else { return }
    throw error(
      .notFound,
      "'\(key)' is in the dumps before and after this one and not in it; dump it each time.",
      key,
      gap
    )
  }

  private func error(
    _ code: FlywheelError.Code,
    _ message: String,
    _ key: String,
    _ place: Int
  ) -> FlywheelError {
    let (path, step) = places[place]
    return FlywheelError(
      code,
      message,
      at: .init(path: path, tensor: step.isEmpty ? key : "\(key), \(step)")
    )
  }
}
