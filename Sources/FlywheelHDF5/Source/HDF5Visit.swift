/// A name that a walk through a file comes by.
struct HDF5Visit<Object> {
  /// Where it is.
  let place: HDF5Path
  /// The address of the group that it is in.
  let groupAddress: UInt64
  /// What it stands for.
  let target: Target

  /// What a name stands for.
  enum Target {
    /// An object that is met for the first time.
    case object(Object)
    /// An object that was met before.
    case known(firstPath: String)
    /// What is not followed, or not known.
    case link(HDF5Member.Kind)
  }
}
