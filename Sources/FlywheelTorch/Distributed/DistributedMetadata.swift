import FlywheelCore
import FlywheelPickle
import OrderedCollections

/// What the `.metadata` of a distributed checkpoint says: the tensors with their chunks, the other values,
/// and where all of them lie (`torch/distributed/checkpoint/metadata.py`).
struct DistributedMetadata {
  /// What the checkpoint contains, under fully qualified names, in its order.
  private(set) var entries: OrderedDictionary<String, Entry> = [:]

  /// One thing that was saved under a name.
  enum Entry {
    /// A tensor, of a type that is read.
    case tensor(TensorDescription, [DistributedChunk])
    /// What `torch.save` was given: where it lies, and the path of its name through the saved dictionary.
    case object(DistributedPlace, path: [String])
    /// A tensor that cannot be read: its type, its shape, and why.
    case unreadable(type: String, Shape, FlywheelError)
  }

  private let graph: PickleGraph
  private var budget: DistributedBudget
  /// Where each chunk and each object lies, by its name and the chunk's offsets.
  private var places: [String: [[Int]?: DistributedPlace]] = [:]
  /// The paths of optimizers' states.
  private var optimizers: Set<[String]> = []

  /// The longest names and paths that systems take.
  private static let nameLimit = 255
  private static let pathLimit = 4_095

  /// Understands the pickle.
  ///
  /// - Parameter bytes: The file.
  /// - Throws: As `PickleGraph`, and `malformed` or `unsupported` if it says something else than the metadata
  ///   of a checkpoint.
  init(_ bytes: TensorStorage) throws(FlywheelError) {
    graph = try PickleGraph(reading: bytes, allowing: TorchGlobals.distributed)
    budget = DistributedBudget(of: graph.end)
    let root = try DistributedFields(graph.root, "Metadata", in: graph)
    let listed = try root.dictionary("state_dict_metadata")
    try readPlaces(root.dictionary("storage_data"))
    let paths = try readPaths(root.optional("planner_data"))
    for entry in listed {
      let name = try name(entry.key)
      entries[name] = try self.entry(entry.value, name, paths[name])
    }
    for case .object(_, let path) in entries.values {
      guard let index = path.lastIndex(of: "param_groups") else { continue }
      optimizers.insert(Array(path[..<index]))
    }
  }

  /// Where all that can be read lies.
  var usedPlaces: [DistributedPlace] {
    var used: [DistributedPlace] = []
    for entry in entries.values {
      switch entry {
      case .tensor(_, let chunks):
        used += chunks.filter { $0.shape.elementCount > 0 }.map(\.place)
      case .object(let place, _): used.append(place)
      case .unreadable: break
      }
    }
    return used
  }

  /// How many bytes the metadata have, and the values that are no tensors.
  var byteCount: Int {
    entries.values.reduce(graph.end) { count, entry in
      guard case .object(let place, _) = entry else { return count }
      let (sum, overflow) = count.addingReportingOverflow(place.range.count)
      return overflow ? .max : sum
    }
  }

  /// Whether a path is that of a value in the state that an optimizer keeps of a parameter.
  func isSlot(_ path: [String]) -> Bool {
    path.count >= 3 && path[path.count - 3] == "state"
      && optimizers.contains(Array(path.dropLast(3)))
  }

  private func name(_ reference: PickleGraph.Reference) throws(FlywheelError) -> String {
    guard case .text(let name) = graph[reference] else {
      throw malformed("\(graph[reference].kind) as a name", "a text", at: reference)
    }
    return name
  }

  // MARK: Places

  /// Reads where each chunk and each object lies.
  private mutating func readPlaces(_ entries: [PickleGraph.Entry]) throws(FlywheelError) {
    for entry in entries {
      let index = try DistributedFields(entry.key, "MetadataIndex", in: graph)
      let offsets = index.optional("offset") == nil ? nil : try index.extents("offset")
      let name = try index.text("fqn")
      let place = try place(entry.value)
      // Both are looked at whole.
      try spend(name.utf8.count + place.file.utf8.count, at: entry.key)
      guard places[name, default: [:]].updateValue(place, forKey: offsets) == nil else {
        throw malformed("a second place of '\(printable(name))'", "one", at: entry.key)
      }
    }
  }

  private func place(_ reference: PickleGraph.Reference) throws(FlywheelError) -> DistributedPlace {
    let info = try DistributedFields(reference, "_StorageInfo", in: graph)
    let file = try info.text("relative_path")
    let parts = file.split(separator: "/", omittingEmptySubsequences: false)
    guard file.utf8.count <= Self.pathLimit, !file.utf8.contains(0),
      parts.allSatisfy({ !["", ".", ".."].contains($0) && $0.utf8.count <= Self.nameLimit })
    else {
      throw malformed("the file \(quoted(file))", "one in the checkpoint", at: reference)
    }
    if info.optional("transform_descriptors") != nil {
      throw FlywheelError(
        .unsupported,
        "The checkpoint was written with stream transformations, such as compression, which are not read; save "
          + "it without them.",
        at: .init(byteOffset: UInt64(graph.offset(of: reference)))
      )
    }
    let (offset, length) = (try info.count("offset"), try info.count("length"))
    let (end, overflow) = offset.addingReportingOverflow(length)
    guard !overflow else {
      throw FlywheelError.overflow(
        "what the checkpoint has in '\(printable(file))'",
        at: .init(byteOffset: UInt64(graph.offset(of: reference)))
      )
    }
    return DistributedPlace(file: file, range: offset..<end)
  }

  // MARK: Names

  /// Reads which path through the saved dictionary each name stands for, as far as it is said.
  private func readPaths(
    _ reference: PickleGraph.Reference?
  ) throws(FlywheelError) -> [String: [String]] {
    guard let reference, case .dictionary(let entries) = graph[reference] else { return [:] }
    var paths: [String: [String]] = [:]
    for entry in entries {
      guard case .text(let name) = graph[entry.key], case .tuple(let parts) = graph[entry.value]
      else { continue }
      paths[name] = path(parts, of: name)
    }
    return paths
  }

  /// The path that texts and numbers are, if they are a name when dots join them.
  private func path(_ parts: ArraySlice<PickleGraph.Reference>, of name: String) -> [String]? {
    var path: [String] = []
    var rest = name.utf8[...]
    for part in parts {
      // No more is looked at than the name has; the parts may be long, and many.
      if !path.isEmpty, rest.popFirst() != UInt8(ascii: ".") { return nil }
      let text: String
      switch graph[part] {
      case .text(let found): text = found
      case .integer(let number): text = "\(number)"
      default: return nil
      }
      guard rest.starts(with: text.utf8) else { return nil }
      rest = rest.dropFirst(text.utf8.count)
      path.append(text)
    }
    return rest.isEmpty && !path.isEmpty ? path : nil
  }

  // MARK: Entries

  private mutating func entry(
    _ reference: PickleGraph.Reference,
    _ name: String,
    _ path: [String]?
  ) throws(FlywheelError) -> Entry {
    if case .object(let type, _) = graph[reference], type.name == "BytesStorageMetadata" {
      guard let place = places[name]?[nil] else {
        throw malformed("'\(printable(name))' without a place", "one in a file", at: reference)
      }
      return .object(place, path: path ?? Self.path(of: name))
    }
    let fields = try DistributedFields(reference, "TensorStorageMetadata", in: graph)
    let shape = try Shape(fields.extents("size"))
    let dtype = try dtype(of: try fields.reference("properties"))
    guard dtype.module == "torch", let type = TorchType.named(dtype.name) else {
      let reason = FlywheelError(
        .unsupported,
        "The tensor's dtype is \(dtype), which is not read; save it in another."
      )
      return .unreadable(type: "\(dtype)", shape, reason)
    }
    do throws(FlywheelError) {
      let description = try TensorDescription(element: type.element, shape: shape)
      let chunks = try chunks(try fields.list("chunks"), of: description, name)
      try DistributedChunk.check(chunks, cover: shape)
      return .tensor(description, chunks)
    } catch {
      return .unreadable(
        type: "damaged tensor",
        shape,
        error.located(byteOffset: graph.offset(of: reference))
      )
    }
  }

  /// The path that a name stands for if nothing else is said.
  private static func path(of name: String) -> [String] {
    guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return [name] }
    return [String(name[..<dot]), String(name[name.utf8.index(after: dot)...])]
  }

  /// The properties' state is a tuple that begins with the dtype.
  private func dtype(of properties: PickleGraph.Reference) throws(FlywheelError) -> PickleGlobal {
    guard case .object = graph[properties], let state = graph.state(of: properties),
      case .tuple(let parts) = graph[state], let first = parts.first,
      case .global(let dtype) = graph[first]
    else { throw malformed("a tensor without a dtype", "its properties", at: properties) }
    return dtype
  }

  private mutating func chunks(
    _ references: [PickleGraph.Reference],
    of tensor: TensorDescription,
    _ name: String
  ) throws(FlywheelError) -> [DistributedChunk] {
    let places = places[name] ?? [:]
    var chunks: [DistributedChunk] = []
    for reference in references {
      let fields = try DistributedFields(reference, "ChunkStorageMetadata", in: graph)
      let offsets = try fields.extents("offsets")
      let shape = try Shape(fields.extents("sizes"))
      try spend(64 + 16 * (offsets.count + shape.rank), at: reference)
      guard let place = places[offsets] else {
        throw malformed("a chunk at \(offsets) without a place", "one in a file", at: reference)
      }
      let chunk = DistributedChunk(offsets: offsets, shape: shape, place: place)
      let needed = try TensorDescription(element: tensor.element, shape: shape).byteCount
      guard needed <= place.range.count else {
        throw FlywheelError.truncated(
          "\(chunk)",
          needed: UInt64(needed),
          available: UInt64(place.range.count),
          at: .init(byteOffset: UInt64(graph.offset(of: reference)))
        )
      }
      chunks.append(chunk)
    }
    return chunks
  }

  private mutating func spend(
    _ count: Int,
    at reference: PickleGraph.Reference
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      try budget.spend(count)
    } catch {
      throw error.located(byteOffset: graph.offset(of: reference))
    }
  }

  private func malformed(
    _ found: String,
    _ expected: String,
    at reference: PickleGraph.Reference
  ) -> FlywheelError {
    .malformed(
      found: found,
      expected: expected,
      at: .init(byteOffset: UInt64(graph.offset(of: reference)))
    )
  }
}
