internal import FlywheelCore
internal import OrderedCollections

extension HDF5Source {
  /// All that can be listed, in one walk: datasets, attributes with their exact types, groups that hold nothing,
  /// and by name what no value of ours can say.
  func contents() throws(FlywheelError) -> HDF5Contents {
    try forWalk.walkedContents()
  }

  private func walkedContents() throws(FlywheelError) -> HDF5Contents {
    var datasets: [ListedDataset] = []
    var metadata = ArchiveMetadata()
    var groups: [(key: String, address: UInt64)] = []
    // By their addresses: a walk enters each group once.
    var filled: Set<UInt64> = []
    var lastFilled: UInt64?
    var budget = AttributeBudget(limit)
    try addAttributes(of: try root(), at: .root, to: &metadata, &budget)
    try walk { (visit) throws(FlywheelError) in
      if let reason = obstacle(to: visit) {
        metadata.obstacles.append(.init(name: visit.place.description, reason: reason))
        return
      }
      guard case .object(let object) = visit.target else { return }
      if visit.groupAddress != lastFilled {
        lastFilled = visit.groupAddress
        filled.insert(visit.groupAddress)
      }
      if object.kind == .group { groups.append((visit.place.key, object.address)) }
      if object.kind == .dataset { datasets.append(try listed(object, at: visit.place)) }
      try addAttributes(of: object, at: visit.place, to: &metadata, &budget)
    }
    metadata.emptyGroups = groups.filter { !filled.contains($0.address) }.map(\.key)
    return HDF5Contents(datasets: datasets, metadata: metadata)
  }

  /// Why a name cannot go into another file; nil if it can.
  private func obstacle(to visit: HDF5Visit<Object>) -> String? {
    switch visit.target {
    case .object(let object): obstacle(to: object.kind)
    case .known(let first): "is another name of \(first)"
    case .link(let kind): obstacle(to: kind)
    }
  }

  private func obstacle(to kind: HDF5Member.Kind) -> String? {
    switch kind {
    case .group, .dataset: nil
    case .namedType: "is a datatype with a name"
    case .softLink(let target): "is a link to \(target)"
    case .externalLink(let file, let target): "is a link to \(target) in the file \(file)"
    case .other: "is nothing that \(readerDescription) knows"
    }
  }

  private func addAttributes(
    of object: Object,
    at place: HDF5Path,
    to metadata: inout ArchiveMetadata,
    _ budget: inout AttributeBudget
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      try addReadableAttributes(of: object, at: place, to: &metadata, &budget)
    } catch  where error.code == .unsupported {
      let name = "the attributes of \(place.description)"
      let reason = "are of a newer HDF5 than \(readerDescription) reads"
      metadata.obstacles.append(.init(name: name, reason: reason, key: place.key))
    }
  }

  private func addReadableAttributes(
    of object: Object,
    at place: HDF5Path,
    to metadata: inout ArchiveMetadata,
    _ budget: inout AttributeBudget
  ) throws(FlywheelError) {
    let attributes = try attributes(of: object, at: place)
    guard !attributes.isEmpty else { return }
    try budget.spend(attributes.count, of: place)
    var values: OrderedDictionary<String, AttributeValue> = [:]
    for (name, content) in attributes {
      if case .value(let value) = content {
        // HDF5 compares the bytes of names; to us some are one that are written in two ways.
        guard values[name] == nil else {
          let reason = "has the name of another one, in other characters"
          metadata.obstacles.append(try budget.obstacle(name, of: place, reason))
          continue
        }
        values[name] = value
      } else {
        let reason = "holds \(content.obstacle ?? "nothing")"
        metadata.obstacles.append(try budget.obstacle(name, of: place, reason))
      }
    }
    if object.kind == .dataset, case .string(let name)? = values[HDF5Writer.typeAttribute],
      let dtype = DType(rawValue: name),
      dtype.isNamedByAttribute, try dataset(at: place).dtype == dtype
    {
      // Part of how such elements are held, and written with them.
      values[HDF5Writer.typeAttribute] = nil
    }
    guard !values.isEmpty else { return }
    // As with the names of attributes: two objects can have one key.
    guard metadata.attributes[place.key] == nil else {
      metadata.obstacles.append(
        .init(
          name: "the attributes of \(place.description)",
          reason: "are of an object that has the name of another one, in other characters",
          key: place.key
        )
      )
      return
    }
    metadata.attributes[place.key] = values
  }
}
