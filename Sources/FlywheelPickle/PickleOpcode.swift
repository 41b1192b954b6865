/// The operations of a pickle that Flywheel's machine knows: those that tensors, containers and numbers are
/// written with, in protocols 2 and 4.
///
/// Python's `Lib/pickletools.py` describes them all. PyTorch's own restricted reader
/// (`torch/_weights_only_unpickler.py`) takes the same of protocol 2; the last four belong to protocol 4, which
/// distributed checkpoints use.
public enum PickleOpcode: UInt8, Sendable, CaseIterable {
  /// Ends the stream; the value on top is the result.
  case stop = 0x2E
  /// One byte: the protocol.
  case protocolVersion = 0x80

  /// Marks where the items of a container begin.
  case mark = 0x28
  case emptyTuple = 0x29
  case emptyList = 0x5D
  case emptyDictionary = 0x7D
  case emptySet = 0x8F
  /// What was pushed since the mark, as a tuple.
  case tuple = 0x74
  case tuple1 = 0x85
  case tuple2 = 0x86
  case tuple3 = 0x87
  case append = 0x61
  case appends = 0x65
  case setItem = 0x73
  case setItems = 0x75

  case none = 0x4E
  case newTrue = 0x88
  case newFalse = 0x89
  /// Four bytes, little-endian, signed.
  case int32 = 0x4A
  /// One byte.
  case uint8 = 0x4B
  /// Two bytes, little-endian.
  case uint16 = 0x4D
  /// A byte that counts, then so many bytes of a little-endian integer in two's complement.
  case long1 = 0x8A
  /// Eight bytes, big-endian.
  case float = 0x47
  /// Four bytes that count, then so many of UTF-8.
  case unicode = 0x58
  /// One byte that counts, then so many.
  case shortBinaryString = 0x55

  /// Two lines: the module and the name of a global.
  case global = 0x63
  /// Calls a callable with a tuple of arguments.
  case reduce = 0x52
  /// Makes an object of a class with a tuple of arguments.
  case newObject = 0x81
  /// Gives an object its state.
  case build = 0x62
  /// What an identifier on the stack stands for, outside of the stream.
  case persistentID = 0x51

  /// One byte: the place in the memo to push from.
  case get = 0x68
  /// Four bytes: the place in the memo to push from.
  case longGet = 0x6A
  /// One byte: the place in the memo to store the top in.
  case put = 0x71
  /// Four bytes: the place in the memo to store the top in.
  case longPut = 0x72

  /// Eight bytes that count the bytes of what follows.
  case frame = 0x95
  /// Stores the top at the memo's next place.
  case memoize = 0x94
  /// As `global`, with both names from the stack.
  case stackGlobal = 0x93
  /// One byte that counts, then so many of UTF-8.
  case shortUnicode = 0x8C
}
