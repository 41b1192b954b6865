import FlywheelCheckpoint
import FlywheelCore
import FlywheelFormats
import OrderedCollections

/// What a file holds, with the dtypes that only its document knows.
struct ArchiveListing {
  let members: [ArchiveMember]
  private let reader: any ArchiveReader

  init(
    _ reader: any ArchiveReader,
    _ training: TrainingDocument?
  ) throws(FlywheelError) {
    self.reader = reader
    var dtypes: OrderedDictionary<String, DType> = [:]
    if let training {
      dtypes = training.index.entries.mapValues(\.dtype)
    } else if let document = try reader.archiveDocument() {
      dtypes = document.dtypes
    }
    members = try reader.members().map { (member) throws(FlywheelError) in
      guard case .array(let description) = member.content, let dtype = dtypes[member.key],
        description.element.isBytes(of: dtype)
      else { return member }
      let known = try TensorDescription(element: .number(dtype), shape: description.shape)
      return ArchiveMember(key: member.key, content: .array(known), storage: member.storage)
    }
  }

  /// The statistics of a member; nil if it holds nothing that Flywheel reads as a tensor.
  func statistics(of member: ArchiveMember) throws(FlywheelError) -> TensorStatistics? {
    guard case .array(let description) = member.content, description.element.dtype != nil else {
      return nil
    }
    do throws(FlywheelError) {
      return try reader.tensor(member.key, as: description).statistics()
    } catch {
      guard error.code == .unsupported else { throw error }
      return nil
    }
  }

  /// The listing as JSON; with statistics if they were asked for.
  func json(
    _ format: FileFormat,
    _ statistics: [String: TensorStatistics]?,
    _ obstacles: [ArchiveMetadata.Obstacle],
    _ optimizer: FoundOptimizerView?
  ) -> JSONValue {
    let rows = members.map { member -> JSONValue in
      var row: OrderedDictionary<String, JSONValue> = [
        "name": JSONValue(member.key),
        "type": JSONValue(member.type),
        "shape": member.shape.map { .array($0.extents.map { JSONValue($0) }) } ?? .null,
        "bytes": member.byteCount.map { JSONValue($0) } ?? .null,
        "storage": JSONValue(member.storage),
      ]
      if let statistics { row["statistics"] = statistics[member.key]?.json ?? .null }
      return .object(row)
    }
    let others = obstacles.map { obstacle -> JSONValue in
      ["name": JSONValue(obstacle.name), "reason": JSONValue(obstacle.reason)]
    }
    return [
      "format": JSONValue(format.identifier),
      "reader": reader.readerDescription.map { JSONValue($0) } ?? .null,
      "bytes": JSONValue(DiskUsage.bytes(of: reader.path, format)),
      "tensors": .array(rows),
      "obstacles": .array(others),
      "optimizer": optimizer?.json ?? .null,
    ]
  }
}

extension ArchiveMember {
  /// The type of its elements, as numpy names it, or in words.
  var type: String {
    switch content {
    case .array(let description): description.element.description
    case .unreadable(let type, _, _): type
    }
  }

  /// Its extents, if they are known.
  var shape: Shape? {
    switch content {
    case .array(let description): description.shape
    case .unreadable(_, let shape, _): shape
    }
  }

  /// The bytes of all elements, if they can be read.
  var byteCount: Int? {
    switch content {
    case .array(let description): description.byteCount
    case .unreadable: nil
    }
  }
}

extension TensorStatistics {
  /// The statistics as JSON.
  fileprivate var json: JSONValue {
    func number(_ value: Double?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
    return [
      "count": JSONValue(count),
      "zeros": JSONValue(zeroCount),
      "nan": JSONValue(nanCount),
      "positive_infinity": JSONValue(positiveInfinityCount),
      "negative_infinity": JSONValue(negativeInfinityCount),
      "minimum": number(minimum),
      "maximum": number(maximum),
      "mean": number(mean),
      "standard_deviation": number(standardDeviation),
      "norm": number(norm),
    ]
  }
}
