import FlywheelCore
import FlywheelPickle

@testable import FlywheelTorch

/// A pickle as Python would print what is in it; of tensors their storage, its type and the shape.
struct PickleText {
  private let graph: PickleGraph

  static func of(_ bytes: [UInt8]) throws -> String {
    let storage = try TensorStorage(byteCount: bytes.count) { output in
      for byte in bytes { output.append(byte) }
    }
    let graph = try PickleGraph(reading: storage, allowing: TorchGlobals.allowList)
    return PickleText(graph: graph).text(graph.root)
  }

  private func text(_ reference: PickleGraph.Reference) -> String {
    switch graph[reference] {
    case .none: "None"
    case .bool(let value): value ? "True" : "False"
    case .integer(let value): "\(value)"
    case .double(let value): "\(value)"
    case .text(let value): "'\(value)'"
    case .list(let items): "[\(items.map(text).joined(separator: ", "))]"
    case .tuple(let items): "(\(items.map(text).joined(separator: ", ")))"
    case .dictionary(let entries):
      "{" + entries.map { "\(text($0.key)): \(text($0.value))" }.joined(separator: ", ") + "}"
    case .global(let global): global.name
    case .call(let function, let arguments):
      function.name + "(" + arguments.map(text).joined(separator: ", ") + ")"
    case .persistent(let identifier): "@\(text(identifier))"
    default: "?"
    }
  }
}
