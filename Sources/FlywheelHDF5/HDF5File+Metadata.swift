internal import CFlywheelHDF5
internal import FlywheelCore
internal import OrderedCollections

extension HDF5File {
  /// What the file says besides its datasets: attributes with their exact types, groups that hold nothing,
  /// and by name what no value of ours can say.
  func metadata() throws(FlywheelError) -> ArchiveMetadata {
    try HDF5Library.call { () throws(FlywheelError) in
      var metadata = ArchiveMetadata()
      var groups: [String] = []
      var filled: Set<String> = []
      try addAttributes(of: .root, to: &metadata)
      try walk { (place, kind, first) throws(FlywheelError) in
        if let obstacle = Self.obstacle(to: kind, first) {
          metadata.obstacles.append(.init(name: place.description, reason: obstacle))
          return
        }
        filled.insert(place.parent)
        if kind == .group { groups.append(place.key) }
        try addAttributes(of: place, to: &metadata)
      }
      metadata.emptyGroups = groups.filter { !filled.contains($0) }
      return metadata
    }
  }

  /// Why a name cannot go into another file; nil if it can.
  private static func obstacle(to kind: HDF5Member.Kind, _ first: String?) -> String? {
    if let first { return "is another name of \(first)" }
    return switch kind {
    case .group, .dataset: nil
    case .namedType: "is a datatype with a name"
    case .softLink(let target): "is a link to \(target)"
    case .externalLink(let file, let target): "is a link to \(target) in the file \(file)"
    case .other: "is nothing that libhdf5 \(HDF5Library.version) knows"
    }
  }

  private func addAttributes(
    of place: HDF5Path,
    to metadata: inout ArchiveMetadata
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      try addReadableAttributes(of: place, to: &metadata)
    } catch  where error.code == .unsupported {
      let name = "the attributes of \(place.description)"
      let reason = "are of a newer HDF5 than \(HDF5Library.version)"
      metadata.obstacles.append(.init(name: name, reason: reason, key: place.key))
    }
  }

  private func addReadableAttributes(
    of place: HDF5Path,
    to metadata: inout ArchiveMetadata
  ) throws(FlywheelError) {
    let parent = try group(place.parentPath)
    let none = hid_t(H5P_DEFAULT)
    guard let object = HDF5Handle(unsafe H5Oopen(parent, place.nameOrDot, none)) else {
      throw failure(toOpen: "an object", at: place, in: parent)
    }
    let names = try unsafe names("the attributes", place) { (visit, names) in
      unsafe fw_h5_attribute_names(object.id, visit, names)
    }
    var values: OrderedDictionary<String, AttributeValue> = [:]
    for name in names {
      switch try attribute(name, in: object, isExact: true) {
      case .readable(let value): values[name] = value
      case .other(let what):
        let attribute = "the attribute '\(name)' of \(place.description)"
        metadata.obstacles.append(
          .init(name: attribute, reason: "holds \(what)", key: place.key)
        )
      case nil: break
      }
    }
    if case .string(let name)? = values["dtype"], let dtype = DType(rawValue: name),
      dtype.isNamedByAttribute, try describe(place).dtype == dtype
    {
      values["dtype"] = nil  // part of how such elements are held, and written with them
    }
    if !values.isEmpty { metadata.attributes[place.key] = values }
  }
}
