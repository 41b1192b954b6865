/// A name that a walk through a file comes by.
struct HDF5Visit<Object> {
  /// Where it is.
  let place: HDF5Path
  /// The group that it is in.
  let parent: HDF5Path
  /// What it stands for.
  let kind: HDF5Member.Kind
  /// The object; nil for a link.
  let object: Object?
  /// The object's first path, if this is another one.
  let firstPath: String?
}
