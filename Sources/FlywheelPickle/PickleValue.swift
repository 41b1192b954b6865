/// A value of a pickle; what it holds are references to other values of the same graph.
///
/// Values may be shared, and lists, dictionaries and objects may hold themselves, so that whoever walks them
/// bounds how deep and how far.
public enum PickleValue: Sendable {
  /// `None`.
  case none
  /// `True` or `False`.
  case bool(Bool)
  /// An integer of at most 64 bits.
  case integer(Int64)
  /// An integer of more than 64 bits: its bytes in two's complement, the lowest first.
  case largeInteger([UInt8])
  /// A floating-point number.
  case double(Double)
  /// A text.
  case text(String)
  /// A string of Python 2 that is no UTF-8.
  case bytes([UInt8])
  /// A list.
  case list([PickleGraph.Reference])
  /// A tuple.
  case tuple(ArraySlice<PickleGraph.Reference>)
  /// A `dict`, or what the allow-list calls a mapping, with its entries in order; no key is there twice.
  case dictionary([PickleGraph.Entry])
  /// A set without elements; others are calls of `builtins.set`.
  case emptySet
  /// A class or a function that is only named.
  case global(PickleGlobal)
  /// What a function or a class would return for arguments.
  case call(PickleGlobal, arguments: ArraySlice<PickleGraph.Reference>)
  /// A new object of a class, made with arguments.
  case object(PickleGlobal, arguments: ArraySlice<PickleGraph.Reference>)
  /// What lies outside of the pickle, under an identifier.
  case persistent(PickleGraph.Reference)
}
