import SystemPackage

/// The order of files by the numbers in their names.
///
/// A shell sorts `dump_10.npz` before `dump_2.npz`, and dumps out of order are no steps.
struct DumpOrder {
  /// The files in the order of the steps.
  let paths: [FilePath]
  /// What a person should know of it; nil if the files were in order, one after the other.
  let note: String?

  /// Orders files: as they are given, unless their names are the same but for one number each.
  init(_ paths: [FilePath]) {
    let parts = paths.map { Self.parts($0) }
    let numbers = parts.map(\.number)
    let isNumbered = paths.count > 1 && Set(parts.map(\.rest)).count == 1 && !numbers.contains(nil)
    guard isNumbered, Set(numbers).count == paths.count else {
      self.paths = paths
      note = nil
      return
    }
    let ordered = zip(numbers.map { $0 ?? 0 }, paths).sorted { $0.0 < $1.0 }
    self.paths = ordered.map(\.1)
    let (first, last) = (ordered[0].0, ordered[ordered.count - 1].0)
    let names = "\(first) to \(last)"
    if last - first != ordered.count - 1 {
      note =
        "the numbers in the files' names, \(names), have gaps: if steps are missing in between, nothing fits"
    } else if self.paths != paths {
      note = "the files were put in the order of the numbers in their names, \(names)"
    } else {
      note = nil
    }
  }

  /// The last number of at most nine digits in a file's name, and the path without it.
  private static func parts(_ path: FilePath) -> (number: Int?, rest: String) {
    let name = Array((path.lastComponent?.string ?? "").unicodeScalars)
    let isDigit = { (scalar: Unicode.Scalar) in ("0"..."9").contains(scalar) }
    // The number in front of the suffix, not one in `.h5`.
    let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
    guard let last = stem.lastIndex(where: isDigit) else { return (nil, path.string) }
    let first = stem[...last].lastIndex { !isDigit($0) }.map { $0 + 1 } ?? 0
    guard last - first < 9 else { return (nil, path.string) }
    var digits = String.UnicodeScalarView()
    digits.append(contentsOf: stem[first...last])
    var rest = String.UnicodeScalarView()
    rest.append(contentsOf: stem[..<first] + ["#"] + name[(last + 1)...])
    return (Int(String(digits)), path.removingLastComponent().string + "/" + String(rest))
  }
}
