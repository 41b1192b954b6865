import FlywheelCore
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// A file that says what is not so behind right checksums, and what the reader must make of it.
struct Lie: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// The sound file in fuzz/inputs/hdf5.
  let base: String
  /// How it is read.
  let reading: Reading
  /// Why it is refused.
  let code: FlywheelError.Code
  /// Tells the lie; gives the byte that must be named, or nil if none is.
  let tell: @Sendable (inout SealedFile) throws -> Int?

  init(
    _ name: String,
    _ base: String,
    _ reading: Reading,
    _ code: FlywheelError.Code,
    _ tell: @escaping @Sendable (inout SealedFile) throws -> Int?
  ) {
    testDescription = name
    self.base = base
    self.reading = reading
    self.code = code
    self.tell = tell
  }

  /// What is asked of a file.
  enum Reading: Sendable {
    /// Whether it can be opened.
    case open
    /// What there is in it.
    case listing
    /// A dataset's elements.
    case tensor(String)
    /// A dataset's texts.
    case texts(String)
    /// All attributes.
    case attributes
    /// One attribute of an object.
    case attribute(String, of: String)

    func callAsFunction(_ bytes: [UInt8]) throws {
      let file = try HDF5File(try StructureBuilder.storage(bytes), path: "lie.h5")
      switch self {
      case .open: break
      case .listing:
        _ = try file.allDatasets()
        _ = try file.allLinks()
      case .tensor(let path): _ = try file.tensor(path)
      case .texts(let path): _ = try file.strings(at: path)
      case .attributes: _ = try file.contents().metadata
      case .attribute(let name, let path): _ = try file.attribute(name, of: path)
      }
    }
  }

  /// Reads the sound file, and then the other one.
  func check() throws {
    var file = try SealedFile.named(base)
    try reading(file.sealed())
    let offset = try tell(&file)
    let error = #expect(throws: FlywheelError.self) { try reading(file.sealed()) }
    #expect(error?.code == code, "\(error?.description ?? "")")
    #expect(
      error?.location.byteOffset == offset.map { UInt64(truncatingIfNeeded: $0) },
      "\(error?.description ?? "")"
    )
  }
}
