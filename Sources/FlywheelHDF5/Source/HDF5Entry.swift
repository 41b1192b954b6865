/// What a source knows of an object of its file.
protocol HDF5SourceObject {
  /// Where in the file it is: tells objects of one file apart.
  var address: UInt64 { get }
  /// What it is.
  var kind: HDF5Member.Kind { get }
}

/// A name in a group, and where it leads.
struct HDF5Entry<Object: HDF5SourceObject> {
  /// The name, without the path of the group.
  let name: String
  /// Where it leads.
  let target: Target
  /// The object, if the source had to look at it to know the target; `HDF5Source.object(of:at:)` looks at others.
  let object: Object?

  /// Where a name leads.
  enum Target {
    /// To an object of the file.
    case object(address: UInt64)
    /// To what must be followed first.
    case link(HDF5Member.Kind)
  }
}
