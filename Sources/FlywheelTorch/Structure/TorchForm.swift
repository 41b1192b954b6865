/// What a value is to Python, as far as flat names, tensors and attributes do not say it.
struct TorchForm: Sendable, Hashable {
  var kind: Kind
  /// What a dictionary or a list holds, in order; nil if that is what has its name in front, tensors all of
  /// them, or if it is an array of numbers or texts.
  var entries: [Run]?
  /// The places of integers in a list of numbers that is an array of floats.
  var integers: [Int] = []

  /// Entries, one after the other, that are alike.
  struct Run: Sendable, Hashable {
    /// Their keys; in a list their places.
    var keys: [TorchKey]
    var form: TorchForm
  }

  /// A type of Python's, or how it comes.
  enum Kind: String, Sendable {
    case dictionary = "dict"
    case ordered = "OrderedDict"
    case counter = "Counter"
    case list
    case tuple
    case set
    case size = "Size"
    case none = "None"
    /// A tensor, or an attribute as it is.
    case value
    /// A number of Python's, although it is a tensor of no axes.
    case number
    case bytes
    case byteArray = "bytearray"
    /// What is only named, such as a dtype.
    case name
    case device
    case layout

    var isDictionary: Bool { [.dictionary, .ordered, .counter].contains(self) }
    var isSequence: Bool { [.list, .tuple, .set, .size].contains(self) }
  }

  init(_ kind: Kind, entries: [Run]? = nil, integers: [Int] = []) {
    self.kind = kind
    self.entries = entries
    self.integers = integers
  }

  /// Adds an entry behind the others.
  mutating func append(_ key: TorchKey, _ form: TorchForm) {
    var runs = entries ?? []
    entries = nil
    if let last = runs.indices.last, runs[last].form == form {
      runs[last].keys.append(key)
    } else {
      runs.append(Run(keys: [key], form: form))
    }
    entries = runs
  }

  /// How many values it stands for, which runs within runs multiply.
  var valueCount: Int {
    var count = 1
    for run in entries ?? [] {
      let (values, isTooMany) = run.keys.count.multipliedReportingOverflow(by: run.form.valueCount)
      let (sum, isMore) = count.addingReportingOverflow(values)
      if isTooMany || isMore { return .max }
      count = sum
    }
    return count
  }
}
