import FlywheelCore
import OrderedCollections
import Testing

@testable import FlywheelTorch

@Suite("The dictionaries of PyTorch files")
struct TorchNestingTests {
  /// What a file says of an object, beside flat names: the JSON of it.
  private static func structure(_ text: String) -> OrderedDictionary<String, AttributeValue> {
    ["torch.containers": .string(text)]
  }

  /// A file's flat names and what it says besides, with what becomes of it.
  struct Case: CustomTestStringConvertible {
    var testDescription: String
    var keys: OrderedSet<String>
    var attributes: OrderedDictionary<String, OrderedDictionary<String, AttributeValue>> = [:]
    var emptyGroups: [String] = []
    var text: String
    var obstacles: [String] = []
  }

  static let sgd: OrderedDictionary<String, AttributeValue> = [
    "lr": .double(0.1), "momentum": .integer(0), "dampening": .integer(0),
    "weight_decay": .integer(0), "nesterov": flag(false), "maximize": flag(false),
    "differentiable": flag(false), "params": vector([0, 1] as [Int64]),
  ]

  static let sgdText =
    "{'lr': 0.1, 'momentum': 0, 'dampening': 0, 'weight_decay': 0, 'nesterov': False, "
    + "'maximize': False, 'foreach': None, 'differentiable': False, 'fused': None, 'params': [0, 1]}"

  static let cases = [
    Case(
      testDescription: "names alone are a state_dict",
      keys: ["0.weight", "0.bias", "2.weight"],
      text: "M{0.weight, 0.bias, 2.weight}"
    ),
    Case(
      testDescription: "a module may call a part of it model",
      keys: ["model.0.weight"],
      text: "M{model.0.weight}"
    ),
    Case(
      testDescription: "nothing is an empty state_dict",
      keys: [],
      text: "M{}"
    ),
    Case(
      testDescription: "beside facts the dictionary model is one",
      keys: ["model.0.weight", "model.0.bias"],
      attributes: ["": ["epoch": .integer(3), "note": .string("x")]],
      text: "{'model': M{0.weight, 0.bias}, 'epoch': 3, 'note': 'x'}"
    ),
    Case(
      testDescription: "facts go beside names that have no dictionary",
      keys: ["0.weight"],
      attributes: ["": ["epoch": .integer(3)]],
      text: "M{0.weight, 'epoch': 3}"
    ),
    Case(
      testDescription: "an optimizer's state has numbers for names",
      keys: [
        "0.weight", "0.bias", "optimizer.state.0.momentum_buffer",
        "optimizer.state.1.momentum_buffer",
      ],
      attributes: ["optimizer.param_groups.0": sgd],
      text: "{'model': M{0.weight, 0.bias}, 'optimizer': {'state': {0: {momentum_buffer}, "
        + "1: {momentum_buffer}}, 'param_groups': [\(sgdText)]}}"
    ),
    Case(
      testDescription: "an optimizer without buffers has an empty state",
      keys: ["model.weight"],
      attributes: ["optimizer.param_groups.0": sgd, "": ["step": .integer(7)]],
      emptyGroups: ["optimizer.state"],
      text:
        "{'model': M{weight}, 'optimizer': {'state': {}, 'param_groups': [\(sgdText)]}, 'step': 7}"
    ),
    Case(
      testDescription: "an optimizer's state_dict is one by itself",
      keys: ["state.0.momentum_buffer"],
      attributes: ["param_groups.0": sgd, "param_groups.1": sgd],
      text: "{'state': {0: {momentum_buffer}}, 'param_groups': [\(sgdText), \(sgdText)]}"
    ),
    Case(
      testDescription: "a module may have a part named state",
      keys: ["encoder.state.0.weight", "state.0.weight"],
      text: "M{encoder.state.0.weight, state.0.weight}"
    ),
    Case(
      testDescription: "Lightning's file keeps its dictionaries and lists",
      keys: [
        "state_dict.layer.weight", "state_dict.layer.bias", "optimizer_states.0.state.0.exp_avg",
      ],
      attributes: [
        "": ["epoch": .integer(1), "pytorch-lightning_version": .string("2.5")],
        "loops.fit_loop.state_dict": [:],
        "loops.fit_loop.epoch_progress.total": ["ready": .integer(1)],
        "optimizer_states.0.param_groups.0": ["d": .integer(1)],
        "lr_schedulers.0": ["last_epoch": .integer(1)],
      ],
      text: "{'state_dict': M{layer.weight, layer.bias}, "
        + "'optimizer_states': [{'state': {0: {exp_avg}}, 'param_groups': [{'d': 1}]}], "
        + "'loops': {'fit_loop': {'state_dict': {}, 'epoch_progress': {'total': {'ready': 1}}}}, "
        + "'lr_schedulers': [{'last_epoch': 1}], 'epoch': 1, 'pytorch-lightning_version': '2.5'}"
    ),
    Case(
      testDescription: "what an optimizer keeps may be a list of tensors, beside numbers",
      keys: ["optimizer.state.0.d", "optimizer.state.0.old.0", "optimizer.state.0.old.1"],
      attributes: [
        "optimizer.state.0": ["n": .integer(1)], "optimizer.param_groups.0": ["own": .integer(1)],
      ],
      text: "{'optimizer': {'state': {0: {d, 'old': [optimizer.state.0.old.0, "
        + "optimizer.state.0.old.1], 'n': 1}}, 'param_groups': [{'own': 1}]}}"
    ),
    Case(
      testDescription: "states by name keep the dots of names",
      keys: ["layers.0.weight", "optim.state.layers.0.weight.own"],
      attributes: ["optim.param_groups.0": ["params": .strings(["layers.0.weight"])]],
      text: "{'model': M{layers.0.weight}, 'optim': {'state': {'layers.0.weight': {own}}, "
        + "'param_groups': [{'params': ['layers.0.weight']}]}}"
    ),
    Case(
      testDescription: "Flywheel's own arrays and document lie beside model and optimizer",
      keys: [
        "model.layers.0.weight", "optimizer.state.0.momentum_buffer", "random/order",
        "history/training_loss", "flywheel.metadata",
      ],
      attributes: ["": ["step": .integer(1)], "optimizer.param_groups.0": sgd],
      text: "{'model': M{layers.0.weight}, 'optimizer': {'state': {0: {momentum_buffer}}, "
        + "'param_groups': [\(sgdText)]}, random/order, history/training_loss, flywheel.metadata, "
        + "'step': 1}"
    ),
    Case(
      testDescription: "tensors without dots may lie beside the dictionary model",
      keys: ["model.0.weight", "optimizer.state.0.momentum_buffer", "rng_state"],
      attributes: ["optimizer.param_groups.0": sgd],
      text: "{'model': M{0.weight}, 'optimizer': {'state': {0: {momentum_buffer}}, "
        + "'param_groups': [\(sgdText)]}, rng_state}"
    ),
    Case(
      testDescription: "betas are a tuple, other arrays lists, of as many axes as they have",
      keys: ["weight"],
      attributes: [
        "optimizer.param_groups.0": [
          "betas": vector([0.9, 0.999]), "own": matrix([[1, 2], [3, 4]]),
          "none": vector([Double]()),
        ],
        "": ["betas": vector([0.5, 0.5])],
      ],
      text:
        "{'model': M{weight}, 'optimizer': {'state': {}, 'param_groups': [{'lr': 0.001, 'betas': (0.9, 0.999), "
        + "'eps': 1e-08, 'weight_decay': 0, 'amsgrad': False, 'maximize': False, 'foreach': None, "
        + "'capturable': False, 'differentiable': False, 'fused': None, "
        + "'decoupled_weight_decay': False, 'own': [[1, 2], [3, 4]], 'none': []}]}, "
        + "'betas': [0.5, 0.5]}"
    ),
    Case(
      testDescription: "a state without groups is said to lack them",
      keys: ["optimizer.state.0.exp_avg"],
      text: "{'optimizer': {'state': {0: {exp_avg}}}}",
      obstacles: ["the groups of the optimizer's parameters, 'optimizer.param_groups'"]
    ),
    Case(
      testDescription: "tensors have no attributes, and complex numbers are none",
      keys: ["x"],
      attributes: [
        "x": ["units": .string("m")], "": ["z": complex], "a..b": ["c": .integer(1)],
      ],
      emptyGroups: ["."],
      text: "M{x}",
      obstacles: [
        "the attribute 'units' of 'x'", "the attribute 'c' of 'a..b'", "the empty group '.'",
        "the attribute 'z'",
      ]
    ),
    Case(
      testDescription: "a structure tells dictionaries, lists, keys and what is None",
      keys: ["a.0.w", "a.1.w", "b.5", "b.6", "b.7", "t"],
      attributes: [
        "": structure(
          #"{"object":{"kind":"dict","entries":["#
            + #"["z"],"None",["a"],{"kind":"tuple","entries":[2,"OrderedDict"]},"#
            + #"["b"],{"kind":"dict","entries":[[{"from":5,"count":3}],"value"]},"#
            + #"["c"],{"kind":"list","integers":[1]},["t"],"value",["e"],{"kind":"Size","entries":[]}]}}"#
        )
        .merging(["c": vector([0.5, 2])]) { first, _ in first }
      ],
      emptyGroups: ["e"],
      text: "{'z': None, 'a': tuple(M{w}, M{w}), 'b': {5, 6, 7}, 'c': [0.5, 2], t, 'e': {}}"
    ),
    Case(
      testDescription: "what a structure does not know goes where its name leads",
      keys: ["a.w", "a.v", "b.c.x", "n"],
      attributes: [
        "": structure(
          #"{"object":{"kind":"dict","entries":[["gone","a"],"OrderedDict",["b"],"#
            + #"{"kind":"dict","entries":[["c"],{"kind":"dict","entries":[["old"],"value"]}]},"#
            + #"["lost"],{"kind":"dict","entries":[["way"],{"kind":"list","entries":[3,"value"]}]}]}}"#
        ),
        "new": ["x": .integer(1)],
      ],
      text: "{'a': M{w, v}, 'b': {'c': {x}}, n, 'new': {'x': 1}}"
    ),
    Case(
      testDescription: "what is renamed to usual words is what they say, and leaves nothing behind",
      keys: ["model.w", "optimizer.state.0.momentum_buffer", "lost.w"],
      attributes: [
        "": structure(
          #"{"object":{"kind":"dict","entries":[["net"],"OrderedDict",["sgd"],{"kind":"dict","entries":["#
            + #"["state"],{"kind":"dict","entries":[[0],"dict"]},["param_groups"],{"kind":"list","#
            + #""entries":[1,{"kind":"dict","entries":[["lr"],"value",["foreach"],"None"]}]}]},"#
            + #"["none"],"None",["empty"],"list",["was"],{"kind":"dict","entries":[]}]}}"#
        ),
        "optimizer.param_groups.0": [
          "lr": .double(0.1), "momentum": .integer(0), "dampening": .integer(0),
          "weight_decay": .integer(0), "nesterov": flag(false), "maximize": flag(false),
          "differentiable": flag(false), "params": vector([0, 1] as [Int64]),
        ],
      ],
      text:
        "{'none': None, 'model': M{w}, 'optimizer': {'state': {0: {momentum_buffer}}, "
        + "'param_groups': [\(sgdText)]}, lost.w}"
    ),
    Case(
      testDescription: "a list of which an element is gone is a dictionary",
      keys: ["0", "2"],
      attributes: ["": structure(#"{"object":{"kind":"list","entries":[3,"value"]}}"#)],
      text: "{0, 2}"
    ),
    Case(
      testDescription: "another text in the place of a structure is named",
      keys: ["w"],
      attributes: ["": structure("[1]")],
      text: "M{w}",
      obstacles: ["the attribute 'torch.containers'"]
    ),
    Case(
      testDescription: "texts about a whole file are no part of a module's state",
      keys: ["a.w"],
      attributes: ["": ["format": .string("pt"), "author": .string("x")]],
      text: "M{a.w}",
      obstacles: ["the attribute 'author'"]
    ),
    Case(
      testDescription: "one name cannot be two things",
      keys: ["a", "b.c"],
      attributes: ["": ["a": .integer(1), "b": .integer(2)], "b": ["c": .integer(3)]],
      text: "{a, 'b': {c}}",
      obstacles: ["'a'", "'b'", "'b.c'"]
    ),
  ]

  @Test("Flat names become the dictionaries that they were", arguments: cases)
  func nesting(_ example: Case) {
    let metadata = ArchiveMetadata(
      attributes: example.attributes,
      emptyGroups: example.emptyGroups
    )
    let nesting = TorchNesting(example.keys, metadata)
    #expect(Self.text(of: "", in: nesting) == example.text)
    #expect(nesting.obstacles.map(\.name) == example.obstacles)
  }

  @Test("A structure says no more than a file can hold")
  func bombs() {
    let lists = String(repeating: #"{"kind":"list","entries":[9000,"#, count: 9)
    let ends = String(repeating: "]}", count: 9)
    for text in [
      #"{"object":{"kind":"list","entries":[9000000000000000000,"None"]}}"#,
      #"{"object":{"kind":"list","entries":[2000000,"None"]}}"#,
      #"{"object":{"kind":"list","entries":[9000,{"kind":"list","entries":[9000,"None"]}]}}"#,
      #"{"object":"# + lists + #""None""# + ends + "}",
      #"{"object":{"kind":"dict","entries":[[{"from":9223372036854775807,"count":2}],"None"]}}"#,
      #"{"object":{"kind":"dict","entries":[[{"from":0,"count":-1}],"None"]}}"#,
      #"{"object":{"kind":"dict","entries":[["a"]]}}"#, #"{"object":"thing"}"#, "{}", "",
      String(repeating: "[", count: 100_000),
    ] {
      let metadata = ArchiveMetadata(attributes: ["": Self.structure(text)])
      let nesting = TorchNesting(["x"], metadata)
      #expect(
        nesting.obstacles.map(\.name) == ["the attribute 'torch.containers'"],
        "\(text.prefix(80))"
      )
    }
  }

  @Test("A structure that is long goes in several attributes, and comes back")
  func pieces() throws {
    var form = TorchForm(.dictionary, entries: [])
    for number in 0..<20_000 {
      form.append(.text("größe \(number)"), TorchForm(number.isMultiple(of: 2) ? .none : .number))
    }
    for key in [
      TorchKey.none, .bool(true), .integer(-3), .double(0.5), .double(-.infinity),
      .global("torch.int8"),
      .tuple([.text("a"), .integer(1), .tuple([])]),
    ] {
      form.append(key, TorchForm(.tuple, integers: [0, 2]))
    }
    let structure = TorchStructure(object: form, ties: ["a": "b"])
    let attributes = structure.attributes
    #expect(attributes.count > 5)
    #expect(attributes.keys.allSatisfy { ArchiveMetadata.isTorchStructure($0) })
    for case .string(let piece) in attributes.values { #expect(piece.utf8.count <= 50_000) }
    let metadata = ArchiveMetadata(attributes: ["": attributes])
    #expect(TorchStructure(in: metadata, count: 0) == structure)
  }

  @Test("Names of many dots are no dictionaries")
  func depth() {
    let deep = Array(repeating: "a", count: 100_000).joined(separator: ".")
    let metadata = ArchiveMetadata(attributes: [deep: ["x": .integer(1)]])
    let nesting = TorchNesting([deep + ".b", "optimizer.state.0." + deep], metadata)
    #expect(nesting.obstacles.count == 2)
    #expect(nesting.containers.count < 10)
  }

  // MARK: Small values

  private static func flag(_ value: Bool) -> AttributeValue {
    (try? Tensor([value], shape: .scalar)).map { .tensor($0) } ?? .integer(-1)
  }

  private static func vector(_ numbers: [Int64]) -> AttributeValue {
    (try? Tensor(vector: numbers)).map { .tensor($0) } ?? .integer(-1)
  }

  private static func vector(_ numbers: [Double]) -> AttributeValue {
    (try? Tensor(vector: numbers)).map { .tensor($0) } ?? .integer(-1)
  }

  private static func matrix(_ rows: [[Int64]]) -> AttributeValue {
    let shape = try? Shape([rows.count, rows[0].count])
    return shape.flatMap { try? Tensor(rows.flatMap { $0 }, shape: $0) }.map { .tensor($0) }
      ?? .integer(-1)
  }

  private static let complex: AttributeValue =
    (try? Tensor(vector: [Complex64(real: 1, imaginary: 2)])).map { .tensor($0) } ?? .integer(-1)

  // MARK: Text

  /// A container as Python would print it; of tensors only names, behind an M those of a module.
  private static func text(of path: String, in nesting: TorchNesting) -> String {
    let kind = nesting.kind(of: path)
    let entries = nesting.containers[path] ?? [:]
    if kind.isSequence, let items = TorchNesting.items(of: entries) {
      let texts = items.map { text(of: $0, in: nesting) }.joined(separator: ", ")
      return kind == .list ? "[\(texts)]" : "\(kind.rawValue)(\(texts))"
    }
    let texts = entries.map { name, entry in
      if case .tensor = entry { return name }
      let key = nesting.key(of: name, in: path)
      return "\(key == .text(name) ? "'\(name)'" : name): \(text(of: entry, in: nesting))"
    }
    return "\(kind == .ordered ? "M" : ""){\(texts.joined(separator: ", "))}"
  }

  private static func text(of entry: TorchNesting.Entry, in nesting: TorchNesting) -> String {
    switch entry {
    case .tensor(let key): key
    case .container(let path): text(of: path, in: nesting)
    case .value(let value): text(of: value)
    }
  }

  private static func text(of value: TorchValue) -> String {
    switch value {
    case .none: "None"
    case .bool(let flag): flag ? "True" : "False"
    case .integer(let number): "\(number)"
    case .double(let number): "\(number)"
    case .text(let text): "'\(text)'"
    case .list(let values): "[\(values.map(text(of:)).joined(separator: ", "))]"
    case .tuple(let values): "(\(values.map(text(of:)).joined(separator: ", ")))"
    case .set, .size, .bytes, .byteArray, .global, .device, .layout: "\(value)"
    }
  }
}
