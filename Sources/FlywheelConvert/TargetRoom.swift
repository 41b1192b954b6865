import FlywheelCore
import OrderedCollections

/// What a target can hold.
struct TargetRoom {
  private let writer: any ArchiveWriter

  init(_ writer: any ArchiveWriter) {
    self.writer = writer
  }

  /// Why a tensor has no room under a name; nil if it has.
  func obstacle(to tensor: Tensor, under key: String) -> String? {
    obstacle(to: TensorDescription(of: tensor), under: key)
  }

  private func obstacle(to description: TensorDescription, under key: String) -> String? {
    do throws(FlywheelError) {
      try writer.requireRoom(for: description, under: key)
      return nil
    } catch {
      return error.message
    }
  }

  /// The arrays that have no room, by their names in the target.
  func misfits(
    among tensors: [ConvertedTensor]
  ) -> OrderedDictionary<String, ArchiveMetadata.Obstacle> {
    var misfits: OrderedDictionary<String, ArchiveMetadata.Obstacle> = [:]
    for tensor in tensors {
      guard let reason = obstacle(to: tensor.result, under: tensor.target) else { continue }
      misfits[tensor.target] = .init(name: "the tensor '\(tensor.target)'", reason: reason)
    }
    return misfits
  }

  /// The groups that a name lies in where names are paths; only the outermost of very many, which no container
  /// of ours has.
  static func groups(above key: String) -> [String] {
    key.indices.lazy.filter { key[$0] == "/" }.prefix(100).map { String(key[..<$0]) }
  }
}
