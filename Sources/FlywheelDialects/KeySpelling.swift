/// How closely keys must be as a dialect spells them.
enum KeySpelling {
  /// To the letter.
  case exact
  /// Except for slashes and dots: who flattens a tree of arrays may have put either between its levels.
  case anySeparator

  /// The form in which keys are compared.
  func of(_ key: String) -> String {
    guard self == .anySeparator, key.utf8.contains(UInt8(ascii: "/")) else { return key }
    return String(
      decoding: key.utf8.map { $0 == UInt8(ascii: "/") ? UInt8(ascii: ".") : $0 },
      as: UTF8.self
    )
  }

  /// The form without the numbers that stand before a template's words, for templates with `{path}`.
  func of(_ key: String, withoutPathAfter head: String) -> String {
    let (key, head) = (of(key), of(head))
    guard key.utf8.starts(with: head.utf8) else { return key }
    var rest = key.utf8.dropFirst(head.utf8.count)
    let separators = self == .exact ? [UInt8(ascii: "/")] : [UInt8(ascii: "/"), UInt8(ascii: ".")]
    while let end = rest.firstIndex(where: separators.contains), end > rest.startIndex,
      rest[..<end].allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains)
    {
      rest = rest[rest.index(after: end)...]
    }
    return head + String(decoding: rest, as: UTF8.self)
  }
}
