/// A name in a file that is no object of it, but leads to one.
public struct HDF5Link: Sendable, Hashable {
  /// Where it is, from the root.
  public let path: String
  /// What kind of link it is, and where it leads.
  public let kind: HDF5Member.Kind
}
