internal import FlywheelCore

/// One way to read an HDF5 file: what is behind `HDF5File`.
///
/// Safe to use from several threads at once. Errors need not say in which file and at which path they happened;
/// `HDF5File` adds that.
protocol HDF5Source: Sendable {
  /// What the source knows of an object that a name leads to, so that it need not look for it again.
  associatedtype Object: HDF5SourceObject

  /// What reads the file, with its version: `flywheel`, or `libhdf5 1.10.8`.
  var readerDescription: String { get }

  /// What a file of this size may make us take memory for.
  var limit: ReadLimit { get }

  /// The source to go through the whole file with; it may end that sooner.
  var forWalk: Self { get }

  /// The root group.
  func root() throws(FlywheelError) -> Object

  /// The names in a group, in the order of `HDF5File.members(of:)`.
  ///
  /// - Parameters:
  ///   - group: The group.
  ///   - place: A path of it.
  /// - Throws: `malformed` or `corrupted` if it is damaged.
  /// - Returns: The names, with where they lead.
  func entries(
    of group: Object,
    at place: HDF5Path
  ) throws(FlywheelError) -> [HDF5Entry<Object>]

  /// Looks at the object that a name leads to.
  ///
  /// - Parameters:
  ///   - entry: The name.
  ///   - place: Its path.
  /// - Throws: `malformed`, `truncated` or `corrupted` if the object is damaged.
  /// - Returns: The object; nil for a link, and for what is too new.
  func object(
    of entry: HDF5Entry<Object>,
    at place: HDF5Path
  ) throws(FlywheelError) -> Object?

  /// Looks at a dataset; one that is too new is there, too, but nothing of it is known.
  ///
  /// - Parameters:
  ///   - object: The dataset.
  ///   - place: A path of it.
  /// - Throws: `malformed` or `corrupted` if it is damaged.
  /// - Returns: Its type, shape and storage.
  func listed(_ object: Object, at place: HDF5Path) throws(FlywheelError) -> ListedDataset

  /// The attributes of an object, in the order of the bytes of their names.
  ///
  /// - Parameters:
  ///   - object: The object.
  ///   - place: A path of it.
  /// - Throws: `malformed` or `corrupted` if they are damaged, `unsupported` if they are too new.
  /// - Returns: Their names and what they hold.
  func attributes(
    of object: Object,
    at place: HDF5Path
  ) throws(FlywheelError) -> [(name: String, content: AttributeContent)]

  /// As `HDF5File.members(of:)`.
  func members(of place: HDF5Path) throws(FlywheelError) -> [HDF5Member]

  /// The elements of a dataset that was listed, if they lie in the file as they do in memory, where tensors may
  /// lie, and nothing is wrong with them.
  ///
  /// - Parameter dataset: The dataset; one of this file.
  /// - Returns: A view of them; nil if `input(at:)` has to look at them.
  func mapped(_ dataset: ListedDataset) -> Tensor?

  /// Opens a dataset to read its elements.
  ///
  /// - Parameter place: Where it is.
  /// - Throws: As `HDF5File.dataset(_:)`.
  /// - Returns: The dataset.
  func input(at place: HDF5Path) throws(FlywheelError) -> any HDF5Input

  /// As `HDF5File.dataset(_:)`.
  func dataset(at place: HDF5Path) throws(FlywheelError) -> HDF5Dataset

  /// As `HDF5File.strings(at:)`.
  func strings(at place: HDF5Path) throws(FlywheelError) -> [String]

  /// What an attribute holds; nil if the object has none of the name.
  ///
  /// - Parameters:
  ///   - name: The attribute's name.
  ///   - place: The group or dataset.
  /// - Throws: `notFound` if there is no such object, `malformed` or `corrupted` if it is damaged.
  /// - Returns: The content.
  func attribute(
    _ name: String,
    of place: HDF5Path
  ) throws(FlywheelError) -> AttributeContent?

  // These have one implementation; each kind of source gets it in a form of its own.

  /// As `HDF5File.allDatasets()`.
  func allDatasets() throws(FlywheelError) -> [HDF5Dataset]

  /// As `HDF5File.allLinks()`.
  func allLinks() throws(FlywheelError) -> [HDF5Link]

  /// All that `HDF5ArchiveReader` lists.
  func contents() throws(FlywheelError) -> HDF5Contents
}
