/// What is looked for at a path.
enum SoughtObject: String {
  case group = "a group"
  case dataset = "a dataset"
  /// Whatever has attributes.
  case any = "an object"

  /// Whether it is what was looked for.
  func includes(_ kind: HDF5Member.Kind) -> Bool {
    switch self {
    case .group: kind == .group
    case .dataset: kind == .dataset
    case .any: true
    }
  }
}
