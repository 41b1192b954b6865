import FlywheelCore
import FlywheelPickle
import Testing

/// A pickle that tries to run code, to confuse the machine or to exhaust it, and what must become of it.
struct HostilePickle: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let pickle: Pickle
  let hasProtocol4: Bool
  /// Why it is refused, at the place that it marks; nil if it is harmless.
  let code: FlywheelError.Code?
  /// What the message names.
  let words: String

  private init(
    _ name: String,
    _ pickle: Pickle,
    _ code: FlywheelError.Code?,
    _ words: String = "",
    hasProtocol4: Bool = false
  ) {
    testDescription = name
    self.pickle = pickle
    self.hasProtocol4 = hasProtocol4
    self.code = code
    self.words = words
  }

  var allowList: PickleAllowList { hasProtocol4 ? Pickle.allowList4 : Pickle.allowList }

  static let all =
    executions + globals + calls + states + containers + keys + stacks + memos + lengths + texts
    + operations + exhaustion + protocol4

  // MARK: Code

  private static let dangerous: [(String, String)] = [
    ("os", "system"), ("posix", "system"), ("nt", "system"), ("os", "popen"), ("os", "execv"),
    ("builtins", "eval"), ("builtins", "exec"), ("builtins", "getattr"), ("builtins", "open"),
    ("builtins", "__import__"), ("__builtin__", "eval"), ("__builtin__", "apply"),
    ("subprocess", "Popen"), ("subprocess", "check_output"), ("sys", "exit"), ("sys", "modules"),
    ("pickle", "loads"), ("_pickle", "loads"), ("marshal", "loads"), ("types", "FunctionType"),
    ("types", "CodeType"), ("importlib", "import_module"), ("runpy", "run_path"),
    ("webbrowser", "open"), ("ctypes", "CDLL"), ("socket", "create_connection"), ("pip", "main"),
    ("functools", "partial"), ("functools", "reduce"), ("operator", "attrgetter"),
    ("operator", "methodcaller"), ("copyreg", "add_extension"), ("copyreg", "_reconstructor"),
    ("copy_reg", "_reconstructor"), ("codecs", "decode"), ("_codecs", "decode"),
    ("torch", "load"), ("torch.hub", "load"), ("torch.jit", "load"), ("torch.nn", "Linear"),
    ("numpy.core.multiarray", "_reconstruct"), ("numpy", "dtype"), ("pathlib", "PosixPath"),
    ("collections", "defaultdict"), ("builtins", "frozenset"), ("argparse", "Namespace"),
    ("__main__", "Model"),
  ]

  private static let executions =
    dangerous.map { module, name in
      let shown = module.replacingPrefix("__builtin__", "builtins")
      return HostilePickle(
        "\(module).\(name) called",
        [.header, .here, .global(module, name), .text("id"), Pickle([0x85]), "R."],
        .unsupported,
        "\(shown).\(name)".replacingPrefix("copy_reg", "copyreg")
      )
    } + [
      HostilePickle(
        "os.system deep in a state_dict",
        [
          .header, .global("collections", "OrderedDict"), ")R(", .text("weight"), "(", .here,
          .global("os", "system"), .text("id"), Pickle([0x85]), "Rtu.",
        ],
        .unsupported,
        "os.system"
      ),
      HostilePickle(
        "os.system that is only named",
        [.header, .here, .global("os", "system"), "."],
        .unsupported,
        "os.system"
      ),
      HostilePickle(
        "os.system before what the pickle seems to be",
        [.header, .here, .global("os", "system"), .text("id"), Pickle([0x85]), "R0}."],
        .unsupported
      ),
      HostilePickle(
        "os.system behind the end",
        [.header, "N.", .global("os", "system"), .text("id"), Pickle([0x85]), "R."],
        nil
      ),
    ]

  // MARK: Names

  private static let globals = [
    HostilePickle("a name with a space", [.here, "ctorch\nFloatStorage \n."], .unsupported),
    HostilePickle(
      "line ends of another system",
      [.here, "ccollections\r\nOrderedDict\r\n."],
      .unsupported
    ),
    HostilePickle(
      "a name of another alphabet",
      [.here, "ct\u{43E}rch\nFloatStorage\n."],
      .unsupported
    ),
    HostilePickle("a dotted name", [.here, "ccollections\nOrderedDict.fromkeys\n."], .unsupported),
    HostilePickle("a dot elsewhere", [.here, "ctorch.nn\nparameter.Parameter\n."], .unsupported),
    HostilePickle("no name at all", [.here, "c\n\n."], .unsupported),
    HostilePickle(
      "a name that clears the screen",
      [.here, "ctorch\n\u{1B}[2J\n."],
      .unsupported,
      "torch.\\u{1B}[2J"
    ),
    HostilePickle(
      "a name of a megabyte",
      [.here, "c", "os" * 500_000, "\nsystem\n."],
      .unsupported,
      "osos"
    ),
    HostilePickle(
      "a name that is no text",
      ["c", .here, Pickle([0xFF, 0xFE, 0x0A]), "a\n."],
      .malformed
    ),
    HostilePickle("a name without its end", ["ctorch\nFloatStorage", .here], .truncated),
    HostilePickle("a module without its end", ["ctorch", .here], .truncated),
  ]

  // MARK: Calls

  private static let storage = Pickle.global("torch", "FloatStorage")
  private static let rebuild = Pickle.global("torch._utils", "_rebuild_tensor_v2")
  private static let ordered = Pickle.global("collections", "OrderedDict")
  private static let counter = Pickle.global("collections", "Counter")
  private static let parameter = Pickle.global("torch.nn.parameter", "Parameter")

  private static let calls = [
    HostilePickle(
      "what is only named is called",
      [storage, ")", .here, "R."],
      .unsupported,
      "torch.FloatStorage"
    ),
    HostilePickle(
      "what is only named is instantiated",
      [storage, ")", .here, Pickle([0x81]), "."],
      .unsupported,
      "torch.FloatStorage"
    ),
    HostilePickle(
      "a function is instantiated",
      [rebuild, ")", .here, Pickle([0x81]), "."],
      .unsupported,
      "_rebuild_tensor_v2"
    ),
    HostilePickle(
      "a class that is only instantiated is called",
      [parameter, ")", .here, "R."],
      .unsupported,
      "Parameter"
    ),
    HostilePickle(
      "a mapping is made of something",
      [ordered, "]", Pickle([0x85]), .here, "R."],
      .unsupported,
      "OrderedDict"
    ),
    HostilePickle(
      "a text is called",
      [.text("os.system"), ")", .here, "R."],
      .unsupported,
      "text"
    ),
    HostilePickle("None is called", ["N)", .here, "R."], .unsupported, "None"),
    HostilePickle(
      "what a call returns is called",
      [rebuild, ")R)", .here, "R."],
      .unsupported,
      "returns"
    ),
    HostilePickle(
      "a chain of thousand calls",
      [rebuild, ")R)", .here, "R)" * 1_000, "."],
      .unsupported
    ),
    HostilePickle("a dictionary is called", ["})", .here, "R."], .unsupported, "a dictionary"),
    HostilePickle(
      "what lies outside is called",
      [.text("os"), "Q)", .here, "R."],
      .unsupported,
      "outside"
    ),
    HostilePickle(
      "a new object of a text",
      [.text("os"), ")", .here, Pickle([0x81]), "."],
      .unsupported
    ),
    HostilePickle("arguments in a list", [rebuild, "]", .here, "R."], .malformed, "a list"),
    HostilePickle("None for arguments", [rebuild, "N", .here, "R."], .malformed, "None"),
    HostilePickle("a call for arguments", [rebuild, rebuild, ")R", .here, "R."], .malformed),
    HostilePickle(
      "an object's arguments in a dictionary",
      [parameter, "}", .here, Pickle([0x81]), "."],
      .malformed
    ),
    HostilePickle("a call without arguments", [rebuild, .here, "R."], .malformed),
    HostilePickle("a call of nothing", [")", .here, "R."], .malformed),
    HostilePickle(
      "a global as an argument",
      [rebuild, storage, Pickle([0x85]), "R."],
      nil
    ),
    HostilePickle(
      "a call among its own arguments",
      [rebuild, "]q", Pickle([0, 0x85]), "Rq", Pickle([1]), "."],
      nil
    ),
  ]

  // MARK: States

  private static let states = [
    HostilePickle("a state for a list", ["]}", .here, "b."], .unsupported, "a list"),
    HostilePickle("a state for a dict", ["}}", .here, "b."], .unsupported, "a dictionary"),
    HostilePickle("a state for a tuple", [")}", .here, "b."], .unsupported, "a tuple"),
    HostilePickle(
      "a state for a number",
      ["K", Pickle([1]), "}", .here, "b."],
      .unsupported,
      "number"
    ),
    HostilePickle("a state for a text", [.text("a"), "}", .here, "b."], .unsupported, "'a'"),
    HostilePickle("a state for a class", [ordered, "}", .here, "b."], .unsupported, "OrderedDict"),
    HostilePickle("a state for a function", [rebuild, "}", .here, "b."], .unsupported),
    HostilePickle("a state for what lies outside", ["NQ}", .here, "b."], .unsupported),
    HostilePickle(
      "a state for a complex number",
      [.global("builtins", "complex"), ")R}", .here, "b."],
      .unsupported,
      "complex"
    ),
    HostilePickle("a state for a counter", [counter, ")R}", .here, "b."], .unsupported, "Counter"),
    HostilePickle("a second state", [ordered, ")R}b}", .here, "b."], .malformed, "second"),
    HostilePickle("a state for nothing", ["}", .here, "b."], .malformed),
    HostilePickle(
      "a state for what lies below a mark",
      [ordered, ")R(}", .here, "b."],
      .malformed
    ),
    HostilePickle(
      "an object that is its own state",
      [ordered, ")Rq", Pickle([0]), "h", Pickle([0]), "b."],
      nil
    ),
    HostilePickle(
      "attributes that Python looks for",
      [ordered, ")R}(", .text("__class__"), "N", .text("__reduce__"), "Nub."],
      nil
    ),
  ]

  // MARK: Containers

  private static let containers = [
    HostilePickle("an item set in a list", ["]NN", .here, "s."], .malformed, "a list"),
    HostilePickle("items set in a list", ["](NN", .here, "u."], .malformed, "a list"),
    HostilePickle("an item set in a text", [.text("a"), "NN", .here, "s."], .malformed),
    HostilePickle("an item set in a class", [ordered, "NN", .here, "s."], .malformed),
    HostilePickle(
      "an item set in a new object",
      [parameter, ")", Pickle([0x81]), "NN", .here, "s."],
      .malformed
    ),
    HostilePickle(
      "an item set in a counter with contents",
      [counter, "}", Pickle([0x85]), "RNN", .here, "s."],
      .malformed
    ),
    HostilePickle("an item appended to a dict", ["}N", .here, "a."], .malformed, "a dictionary"),
    HostilePickle("items appended to a dict", ["}(N", .here, "e."], .malformed),
    HostilePickle("an item appended to a tuple", [")N", .here, "a."], .malformed, "a tuple"),
    HostilePickle(
      "an item appended to an ordered dict",
      [ordered, ")RN", .here, "a."],
      .malformed
    ),
    HostilePickle("an item appended to a set", [Pickle([0x8F]), "N", .here, "a."], .malformed),
    HostilePickle("a key without a value", ["}(NNN", .here, "u."], .malformed, "a key"),
    HostilePickle("a list in itself", ["]q", Pickle([0]), "h", Pickle([0]), "a."], nil),
    HostilePickle(
      "a dictionary in itself",
      ["}q", Pickle([0]), "Nh", Pickle([0]), "s."],
      nil
    ),
    HostilePickle(
      "a tuple in itself, through a list",
      [
        "]q", Pickle([0, 0x85]), "q", Pickle([1]), "h", Pickle([0]), "h", Pickle([1]), "a",
        Pickle([0x86]), ".",
      ],
      nil
    ),
  ]

  // MARK: Keys

  private static func number(_ value: Double) -> Pickle {
    "G" + Pickle(Pickle.littleEndian(value.bitPattern).reversed())
  }

  private static let keys = [
    HostilePickle("a list as a key", ["}]N", .here, "s."], .malformed, "a list"),
    HostilePickle("a dict as a key", ["}}N", .here, "s."], .malformed),
    HostilePickle("a set as a key", ["}", Pickle([0x8F]), "N", .here, "s."], .malformed),
    HostilePickle(
      "one key twice",
      ["}(", .text("a"), "N", .here, .text("a"), Pickle([0x88]), "u."],
      .malformed,
      "'a'"
    ),
    HostilePickle(
      "one key twice, one after the other",
      ["}", .text("a"), "Ns", .here, .text("a"), "Ns."],
      .malformed
    ),
    HostilePickle(
      "one key twice, as bytes of Python 2",
      ["}(", .text("a"), "N", .here, Pickle([0x55, 1, 0x61]), "Nu."],
      .malformed
    ),
    HostilePickle(
      "one key twice, composed and not",
      ["}(", .text("\u{E9}"), "N", .here, .text("e\u{301}"), "Nu."],
      .unsupported,
      "look the same"
    ),
    HostilePickle(
      "1 and True",
      ["}(K", Pickle([1]), "N", .here, Pickle([0x88]), "Nu."],
      .malformed
    ),
    HostilePickle("1 and 1.0", ["}(K", Pickle([1]), "N", .here, number(1), "Nu."], .malformed),
    HostilePickle("0.0 and -0.0", ["}(", number(0), "N", .here, number(-0.0), "Nu."], .malformed),
    HostilePickle("None and None", ["}(NN", .here, "NNu."], .malformed),
    HostilePickle(
      "a class twice, named each time",
      ["}(", "ccollections\nOrderedDict\nN", .here, "ccollections\nOrderedDict\nNu."],
      .malformed,
      "second time"
    ),
    HostilePickle(
      "one key twice among many",
      ["}(", (0..<20).map { .text("\($0)") + "N" }.reduce([], +), .here, .text("7"), "Nu."],
      .malformed,
      "'7'"
    ),
    HostilePickle("1 and '1'", ["}(K", Pickle([1]), "N", .text("1"), "Nu."], nil),
  ]

  // MARK: The stack

  private static let stacks = [
    HostilePickle("the end of nothing", [.here, "."], .malformed),
    HostilePickle("the end with two values", ["NN", .here, "."], .malformed, "left over"),
    HostilePickle("the end with a mark", ["N(", .here, "."], .malformed),
    HostilePickle("the end with a value and a mark", ["(N", .here, "."], .malformed),
    HostilePickle("a tuple without a mark", ["N", .here, "t."], .malformed, "mark"),
    HostilePickle("items without a mark", ["]N", .here, "e."], .malformed),
    HostilePickle("entries without a mark", ["}NN", .here, "u."], .malformed),
    HostilePickle("a pair of one", ["N", .here, Pickle([0x86]), "."], .malformed),
    HostilePickle("a triple of two", ["NN", .here, Pickle([0x87]), "."], .malformed),
    HostilePickle(
      "a tuple of what lies below a mark",
      ["N(", .here, Pickle([0x85]), "."],
      .malformed
    ),
    HostilePickle("a pair across a mark", ["N(N", .here, Pickle([0x86]), "."], .malformed),
    HostilePickle("an item for a list below a mark", ["](N", .here, "a."], .malformed),
    HostilePickle("an item for no list", ["N", .here, "a."], .malformed),
    HostilePickle("items for no list", ["(N", .here, "e."], .malformed),
    HostilePickle("items for a list below another mark", ["]((N", .here, "e."], .malformed),
    HostilePickle("an entry across a mark", ["}N(N", .here, "s."], .malformed),
    HostilePickle("nothing outside", [.here, "Q."], .malformed),
    HostilePickle("several ends", "N.....", nil),
  ]

  // MARK: The memo

  private static let memos = [
    HostilePickle("what was never stored", [.here, "h", Pickle([0]), "."], .malformed, "place 0"),
    HostilePickle(
      "what was never stored, far away",
      [.here, "j", Pickle([255, 255, 255, 255]), "."],
      .malformed
    ),
    HostilePickle(
      "what is stored later",
      [.here, "h", Pickle([0]), "q", Pickle([0]), "."],
      .malformed
    ),
    HostilePickle(
      "a hole of the memo",
      ["Nq", Pickle([2]), .here, "h", Pickle([1]), "."],
      .malformed
    ),
    HostilePickle(
      "a place that would take gigabytes",
      ["N", .here, "r", Pickle([255, 255, 255, 255]), "."],
      .limitExceeded
    ),
    HostilePickle(
      "a place that the bytes cannot fill",
      ["N", .here, "r", Pickle([0, 1, 0, 0]), "."],
      .limitExceeded,
      "256"
    ),
    HostilePickle("nothing stored", [.here, "q", Pickle([0]), "."], .malformed),
    HostilePickle("a mark stored", ["N(", .here, "q", Pickle([0]), "t."], .malformed),
    HostilePickle(
      "a place that is stored again",
      ["Nq", Pickle([0]), "]q", Pickle([0]), "h", Pickle([0, 0x87, 0x2E])],
      nil
    ),
    HostilePickle("a place stored thousand times", ["N", Pickle([0x71, 0]) * 1_000, "."], nil),
  ]

  // MARK: Lengths

  private static let lengths = [
    HostilePickle("nothing", [.here], .truncated),
    HostilePickle("a header alone", [.header, .here], .truncated),
    HostilePickle("half a header", [Pickle([0x80]), .here], .truncated),
    HostilePickle("no end", [.header, "N", .here], .truncated),
    HostilePickle("a text beyond the end", ["X", Pickle([5, 0, 0, 0]), .here, "abc"], .truncated),
    HostilePickle(
      "a text of 4 GiB",
      ["X", Pickle([255, 255, 255, 255]), .here, "abc."],
      .truncated,
      "4294967295"
    ),
    HostilePickle("half a length", ["X", .here, Pickle([5, 0])], .truncated),
    HostilePickle("a string beyond the end", ["U", Pickle([9]), .here, "abc"], .truncated),
    HostilePickle(
      "an integer beyond the end",
      [Pickle([0x8A, 255]), .here, Pickle([1, 2])],
      .truncated
    ),
    HostilePickle("half a float", ["G", .here, Pickle([1, 2, 3])], .truncated),
    HostilePickle("half an integer", ["J", .here, Pickle([1, 2, 3])], .truncated),
    HostilePickle("half a place", ["Nr", .here, Pickle([1])], .truncated),
    HostilePickle(
      "an integer of 2,040 bits",
      [Pickle([0x8A, 255]), Pickle([0x7F]) * 255, "."],
      nil
    ),
  ]

  // MARK: Texts

  private static func raw(_ bytes: [UInt8], at place: Int = 0) -> Pickle {
    let head = [0x58] + Pickle.littleEndian(UInt32(bytes.count))
    return Pickle(head + bytes, place: head.count + place)
  }

  private static let texts = [
    HostilePickle("a text of wild bytes", [raw([0x61, 0xFF, 0xFE], at: 1), "."], .malformed),
    HostilePickle("an overlong slash", [raw([0xC0, 0xAF]), "."], .malformed),
    HostilePickle("half a character", [raw([0x61, 0xE2, 0x82], at: 1), "."], .malformed),
    HostilePickle("a character beyond Unicode", [raw([0xF4, 0x90, 0x80, 0x80]), "."], .malformed),
    HostilePickle(
      "half of a surrogate pair",
      [raw([0x61, 0xED, 0xA0, 0x80], at: 1), "."],
      .unsupported,
      "surrogate"
    ),
    HostilePickle(
      "a surrogate pair in UTF-8",
      [raw([0xED, 0xA0, 0xBD, 0xED, 0xB8, 0x80]), "."],
      .unsupported
    ),
    HostilePickle(
      "a thousand accents",
      [raw(Array(("a" + String(repeating: "\u{301}", count: 1_000)).utf8)), "."],
      .limitExceeded
    ),
    HostilePickle(
      "a thousand accents in a string of Python 2",
      [
        "U", Pickle([201]), .here,
        Pickle(Array(("a" + String(repeating: "\u{301}", count: 100)).utf8)), ".",
      ],
      nil
    ),
    HostilePickle("a text of zeros", [Pickle(raw([0, 0, 0]).bytes), "."], nil),
    HostilePickle(
      "a text that turns around",
      [Pickle(raw(Array("\u{202E}txt".utf8)).bytes), "."],
      nil
    ),
  ]

  // MARK: Operations

  /// What no pickle of tensors needs, with enough around it that Python would carry it out.
  private static let forbidden: [(String, Pickle, Pickle)] = [
    ("INST", "(", "ios\nsystem\n."), ("OBJ", ["(", ordered], "o."),
    ("NEWOBJ_EX", [ordered, ")}"], [Pickle([0x92]), "."]), ("EXT1", "", Pickle([0x82, 1, 0x2E])),
    ("EXT2", "", Pickle([0x83, 1, 0, 0x2E])), ("EXT4", "", Pickle([0x84, 1, 0, 0, 0, 0x2E])),
    ("PERSID", "", "Pos\n."), ("POP", "NN", "0."), ("POP_MARK", "N(", "1."), ("DUP", "N", "2."),
    ("INT", "", "I1\n."), ("LONG", "", "L1L\n."), ("STRING", "", "S'a'\n."),
    ("LONG4", "", Pickle([0x8B, 255, 255, 255, 127, 0x2E])), ("UNICODE", "", "Va\n."),
    ("FLOAT", "", "F1.5\n."), ("LIST", "(", "l."), ("DICT", "(", "d."), ("GET", "N", "g0\n."),
    ("PUT", "N", "p0\n."), ("BINSTRING", "", Pickle([0x54, 1, 0, 0, 0, 0x61, 0x2E])),
    ("BINBYTES", "", Pickle([0x42, 1, 0, 0, 0, 0x61, 0x2E])),
    ("SHORT_BINBYTES", "", Pickle([0x43, 1, 0x61, 0x2E])),
    ("BINUNICODE8", "", Pickle([0x8D, 255, 255, 255, 255, 255, 255, 255, 127, 0x2E])),
    ("BINBYTES8", "", Pickle([0x8E, 255, 255, 255, 255, 255, 255, 255, 127, 0x2E])),
    ("ADDITEMS", [Pickle([0x8F]), "(N"], Pickle([0x90, 0x2E])),
    ("FROZENSET", "(", Pickle([0x91, 0x2E])),
    ("BYTEARRAY8", "", Pickle([0x96, 255, 255, 255, 255, 255, 255, 255, 127, 0x2E])),
    ("NEXT_BUFFER", "", Pickle([0x97, 0x2E])), ("READONLY_BUFFER", "N", Pickle([0x98, 0x2E])),
  ]

  private static let operations =
    forbidden.flatMap { name, before, operation in
      [false, true].map { hasProtocol4 in
        HostilePickle(
          hasProtocol4 ? "\(name) where protocol 4 is allowed" : name,
          [.header, before, .here, operation],
          .unsupported,
          name,
          hasProtocol4: hasProtocol4
        )
      }
    }
    + [
      ("MEMOIZE", "N", Pickle([0x94, 0x2E])),
      ("FRAME", "", Pickle([0x95, 2, 0, 0, 0, 0, 0, 0, 0]) + "N."),
      ("STACK_GLOBAL", [.text("torch"), .text("FloatStorage")], Pickle([0x93, 0x2E])),
      ("SHORT_BINUNICODE", "", Pickle([0x8C, 1, 0x61, 0x2E])),
    ].map { (name: String, before: Pickle, operation: Pickle) in
      HostilePickle("\(name) of protocol 4", [before, .here, operation], .unsupported, name)
    } + [
      HostilePickle(
        "a byte that is no operation",
        [.header, .here, Pickle([0])],
        .malformed,
        "0x0"
      ),
      HostilePickle("the last byte", [.header, .here, Pickle([0xFF])], .malformed, "0xff"),
      HostilePickle("a zip archive", [.here, Pickle([0x50, 0x4B, 3, 4])], .unsupported, "PERSID"),
      HostilePickle("protocol 0", ["(", .here, "dp0\nS'a'\np1\nI1\ns."], .unsupported, "DICT"),
      HostilePickle("protocol 3", [.here, Pickle([0x80, 3]), "N."], .unsupported, "protocol 3"),
      HostilePickle("protocol 4", [.here, Pickle([0x80, 4]), "N."], .unsupported, "protocol 4"),
      HostilePickle("protocol 255", [.here, Pickle([0x80, 255]), "N."], .unsupported),
      HostilePickle("two protocols", [.header, .here, .header, "N."], .malformed, "protocol"),
      HostilePickle("a protocol in the middle", [.header, "N", .here, .header, "."], .malformed),
      HostilePickle("no protocol", "N.", nil),
    ]

  // MARK: Too much of it

  private static let exhaustion = [
    HostilePickle(
      "30,000 tuples in each other",
      [.header, ")", Pickle([0x85]) * 30_000, "."],
      nil
    ),
    HostilePickle("30,000 lists in each other", ["]" * 30_001, "a" * 30_000, "."], nil),
    HostilePickle("30,000 marks", ["(" * 30_000, "t" * 30_000, "."], nil),
    HostilePickle("30,000 marks that stay", ["(" * 30_000, "N", .here, "."], .malformed),
    HostilePickle("30,000 values that stay", ["N" * 30_000, .here, "."], .malformed),
    HostilePickle("30,000 dictionaries", ["(", "}" * 30_000, "t."], nil),
    HostilePickle(
      "a billion laughs",
      [
        ")q", Pickle([0]),
        (0..<60).map { ["h", Pickle([UInt8($0)]), Pickle([0x86]), "q", Pickle([UInt8($0 + 1)])] }
          .reduce([], +), ".",
      ],
      nil
    ),
    HostilePickle(
      "a billion laughs in lists",
      [
        "]q", Pickle([0]), "(",
        (0..<60).map { level in
          [
            "]q", Pickle([UInt8(level + 1)]), "(", ["h", Pickle([UInt8(level)])] * 10, "e",
          ]
        }.reduce([], +), "e.",
      ],
      nil
    ),
    HostilePickle(
      "one text at a million places",
      [
        .text("x" * 1_000), "q", Pickle([0]), "(", Pickle([0x68, 0]) * 30_000, "t", Pickle([0x86]),
        ".",
      ],
      nil
    ),
  ]

  // MARK: Protocol 4

  private static let header4 = Pickle([0x80, 4])
  private static func short(_ text: String) -> Pickle {
    Pickle([0x8C, UInt8(text.utf8.count)] + Array(text.utf8))
  }

  private static let protocol4 = [
    HostilePickle(
      "os.system from the stack",
      [
        header4, short("os"), short("system"), .here, Pickle([0x93]), short("id"), Pickle([0x85]),
        "R.",
      ],
      .unsupported,
      "os.system",
      hasProtocol4: true
    ),
    HostilePickle(
      "os.system put together from the memo",
      [
        header4, short("system"), Pickle([0x94]), short("os"), Pickle([0x94]), "h", Pickle([1]),
        "h", Pickle([0]), .here, Pickle([0x93]), ".",
      ],
      .unsupported,
      "os.system",
      hasProtocol4: true
    ),
    HostilePickle(
      "a name that leads further",
      [
        header4, short("collections"), short("OrderedDict.__reduce__.__globals__"), .here,
        Pickle([0x93]), ".",
      ],
      .unsupported,
      hasProtocol4: true
    ),
    HostilePickle(
      "a name with a line end",
      [header4, short("collections\nOrderedDict"), short(""), .here, Pickle([0x93]), "."],
      .unsupported,
      hasProtocol4: true
    ),
    HostilePickle(
      "a global named by numbers",
      [header4, "K", Pickle([1]), "K", Pickle([2]), .here, Pickle([0x93]), "."],
      .malformed,
      hasProtocol4: true
    ),
    HostilePickle(
      "a global named by a global",
      [header4, short("torch"), storage, .here, Pickle([0x93]), "."],
      .malformed,
      hasProtocol4: true
    ),
    HostilePickle(
      "a global named by nothing",
      [header4, short("torch"), .here, Pickle([0x93]), "."],
      .malformed,
      hasProtocol4: true
    ),
    HostilePickle(
      "a frame beyond the end",
      [header4, Pickle([0x95, 100, 0, 0, 0, 0, 0, 0, 0]), .here, "N."],
      .truncated,
      hasProtocol4: true
    ),
    HostilePickle(
      "a frame of exabytes",
      [header4, Pickle([0x95]), Pickle([255]) * 8, .here, "N."],
      .truncated,
      hasProtocol4: true
    ),
    HostilePickle(
      "a frame that is longer than the pickle",
      [header4, Pickle([0x95, 9, 0, 0, 0, 0, 0, 0, 0]), "N", .here, ".", header4, ")" * 6],
      .malformed,
      hasProtocol4: true
    ),
    HostilePickle(
      "a frame in a frame",
      [
        header4, Pickle([0x95, 12, 0, 0, 0, 0, 0, 0, 0]), "N", .here,
        Pickle([0x95, 2, 0, 0, 0, 0, 0, 0, 0]), "0.",
      ],
      .malformed,
      "frame",
      hasProtocol4: true
    ),
    HostilePickle(
      "many empty frames",
      [header4, Pickle([0x95, 0, 0, 0, 0, 0, 0, 0, 0]) * 100, "N."],
      nil,
      hasProtocol4: true
    ),
    HostilePickle(
      "a short text beyond the end",
      [header4, Pickle([0x8C, 9]), .here, "abc"],
      .truncated,
      hasProtocol4: true
    ),
    HostilePickle(
      "nothing memoized",
      [header4, .here, Pickle([0x94]), "."],
      .malformed,
      hasProtocol4: true
    ),
    HostilePickle(
      "a memo of both kinds",
      [
        "Nq", Pickle([2, 0x94]), "]", Pickle([0x94]), "h", Pickle([1]), .here, Pickle([0x87]), ".",
      ],
      nil,
      hasProtocol4: true
    ),
    HostilePickle("protocol 5", [Pickle([0x80, 5]), "N."], nil, hasProtocol4: true),
    HostilePickle(
      "protocol 6",
      [.here, Pickle([0x80, 6]), "N."],
      .unsupported,
      hasProtocol4: true
    ),
  ]
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, _ other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}

extension String {
  fileprivate static func * (text: String, count: Int) -> String {
    String(repeating: text, count: count)
  }
}

@Suite("Hostile pickles")
struct HostilePickleTests {
  @Test(
    "A hostile pickle is refused where it is wrong, or is harmless",
    arguments: HostilePickle.all
  )
  func hostile(_ hostile: HostilePickle) throws {
    guard let code = hostile.code else {
      let graph = try hostile.pickle.graph(allowing: hostile.allowList)
      // Whoever walks it bounds how deep.
      #expect(!graph.printed(depth: 3).isEmpty)
      return
    }
    let error = try #require(throws: FlywheelError.self) {
      _ = try hostile.pickle.graph(allowing: hostile.allowList)
    }
    #expect(error.code == code, "\(error)")
    #expect(error.location.byteOffset == hostile.pickle.place.map { UInt64($0) }, "\(error)")
    #expect(error.message.contains(hostile.words), "\(error)")
    #expect(error.description.utf8.count < 1_000)
  }

  @Test("There are many")
  func count() {
    #expect(HostilePickle.all.count > 200)
    #expect(HostilePickle.all.count { $0.code == nil } < 30)
    #expect(Set(HostilePickle.all.map(\.testDescription)).count == HostilePickle.all.count)
  }

  @Test("What lies outside is refused where nothing can")
  func persistent() throws {
    let error = #expect(throws: FlywheelError.self) {
      _ = try Pickle("NQ.").graph(allowing: PickleAllowList())
    }
    #expect(error?.code == .unsupported)
    #expect(error?.location.byteOffset == 1)
  }

  private static let small = PickleGraphTests.Written.all.filter { $0.pickle.bytes.count < 250 }

  @Test("A pickle that is cut anywhere is refused", arguments: small)
  func cut(written: PickleGraphTests.Written) throws {
    for count in 0..<written.pickle.bytes.count {
      let error = #expect(throws: FlywheelError.self) {
        _ = try Pickle(Array(written.pickle.bytes[..<count])).graph(allowing: Pickle.allowList4)
      }
      #expect(error?.code == .truncated, "\(count)")
      #expect((error?.location.byteOffset).map { $0 <= UInt64(count) } == true, "\(count)")
    }
  }

  @Test("A pickle with a changed bit is read or refused", arguments: small)
  func changed(written: PickleGraphTests.Written) throws {
    for place in written.pickle.bytes.indices {
      for bit in 0..<8 {
        var changed = written.pickle
        changed.bytes[place] ^= 1 << UInt8(bit)
        do {
          let graph = try changed.graph(allowing: Pickle.allowList4)
          #expect(!graph.printed(depth: 6).isEmpty)
          #expect(graph.end <= changed.bytes.count)
        } catch let error as FlywheelError {
          #expect((error.location.byteOffset).map { $0 <= UInt64(changed.bytes.count) } == true)
        }
      }
    }
  }
}
