/// What a source knows of an object of its file.
protocol HDF5SourceObject {
  /// Where in the file it is: tells objects of one file apart.
  var address: UInt64 { get }
}

/// A name in a group, with the object that it leads to.
struct HDF5Entry<Object: HDF5SourceObject> {
  /// The name, and what it stands for.
  let member: HDF5Member
  /// The object; nil for a link that must be followed first.
  let object: Object?
}
