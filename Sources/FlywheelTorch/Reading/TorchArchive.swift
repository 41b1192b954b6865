import FlywheelCore
import FlywheelPickle
import FlywheelZip
import Synchronization
import SystemPackage

/// The container of PyTorch 1.6 and later: a zip archive of one folder, with the pickle in `data.pkl` and each
/// storage in a member of its own (`caffe2/serialize/inline_container.cc`).
final class TorchArchive: TorchContainer {
  let graph: PickleGraph
  let graphByteCount: Int
  let isBigEndian: Bool

  private let zip: ZipReader
  /// What the names of all members begin with.
  private let folder: String
  /// Whether checksums are compared, which not all files have.
  let hasChecksums: Bool
  /// The storages whose checksums have been compared.
  private let verified = Mutex<Set<String>>([])
  /// Storages that several tensors view, inflated, or what is wrong with them.
  private let inflated = Mutex<[String: Result<TensorStorage, FlywheelError>]>([:])

  /// The versions of the archive that PyTorch 2.13 reads.
  private static let versions = 1...10

  /// Reads what is there besides the storages.
  ///
  /// - Parameters:
  ///   - bytes: The whole file.
  ///   - path: Its name, for errors.
  ///   - verifiesChecksums: Whether each member's checksum is compared when it is read.
  /// - Throws: As `TorchFile.init(_:path:verifiesChecksums:)`.
  init(
    _ bytes: TensorStorage,
    path: FilePath,
    verifiesChecksums: Bool
  ) throws(FlywheelError) {
    let zip = try ZipReader(bytes, path: path)
    let folder = Self.folder(of: zip)
    guard let entry = zip.entry(named: folder + "data.pkl") else {
      throw FlywheelError(
        .malformed,
        "Found a zip archive without a member '\(folder)data.pkl', which holds what torch.save was given.",
        at: .init(path: path)
      )
    }
    guard zip.entry(named: folder + "constants.pkl") == nil else {
      throw FlywheelError(
        .unsupported,
        "This is a TorchScript program, which holds code besides tensors. In Python, "
          + "torch.save(torch.jit.load(path).state_dict(), new_path) makes a file of its tensors.",
        at: .init(path: path)
      )
    }
    // torch.serialization.set_crc32_options(False) leaves zeros.
    let hasChecksums = zip.entries.contains { $0.crc32 != 0 }
    self.zip = zip
    self.folder = folder
    self.hasChecksums = verifiesChecksums && hasChecksums
    try Self.requirePlausible(entry, path)
    try Self.check(zip, folder, verifiesChecksums: self.hasChecksums)
    try Self.checkVersion(zip, folder)
    isBigEndian = try Self.isBigEndian(zip, folder)
    if let range = try zip.storedRange(of: entry) {
      graph = try PickleGraph(reading: bytes, in: range, allowing: TorchGlobals.allowList)
    } else {
      let contents = try zip.contents(of: entry, verifiesChecksum: self.hasChecksums)
      graph = try PickleGraph(reading: contents, allowing: TorchGlobals.allowList)
    }
    graphByteCount = entry.byteCount
  }

  var byteCount: Int { zip.bytes.byteCount }

  /// Refuses a pickle that becomes far larger than any when it is inflated: each of its bytes may become a value.
  ///
  /// Those of models take a fourth to a tenth of their size; a mebibyte is any file's to expand.
  private static func requirePlausible(
    _ entry: ZipEntry,
    _ path: FilePath
  ) throws(FlywheelError) {
    let (limit, overflow) = entry.compressedByteCount.multipliedReportingOverflow(by: 32)
    guard overflow || entry.byteCount <= max(1 << 20, limit) else {
      throw FlywheelError(
        .limitExceeded,
        "The pickle would have \(entry.byteCount) bytes, more than 32 times as many as it is compressed to; "
          + "torch.save does not compress it.",
        at: .init(path: path, tensor: entry.name, byteOffset: UInt64(entry.headerOffset))
      )
    }
  }

  /// The folder that all members are in, as PyTorch finds it.
  private static func folder(of zip: ZipReader) -> String {
    guard let name = zip.entries.first?.name,
      let slash = name.utf8.firstIndex(of: UInt8(ascii: "/"))
    else { return "" }
    return String(name[...slash])
  }

  /// Checks the members that are no storages, all of which are small: a changed name would hide one that says how
  /// the others are to be read.
  private static func check(
    _ zip: ZipReader,
    _ folder: String,
    verifiesChecksums: Bool
  ) throws(FlywheelError) {
    let storages = Array((folder + "data/").utf8)
    for entry in zip.entries where !entry.name.utf8.starts(with: storages) {
      _ = try zip.storedRange(of: entry)
      if verifiesChecksums { try zip.verify(entry) }
    }
  }

  private static func checkVersion(_ zip: ZipReader, _ folder: String) throws(FlywheelError) {
    let names = ["version", ".data/version"]
    guard let entry = names.lazy.compactMap({ zip.entry(named: folder + $0) }).first else {
      throw FlywheelError(
        .malformed,
        "Found no member '\(folder)version', which files of PyTorch have; the file was not finished, or packed "
          + "anew without it.",
        at: .init(path: zip.path)
      )
    }
    let text = try text(of: entry, in: zip)
    guard let version = Int(text), versions.contains(version) else {
      throw refusal(text, "version", entry, zip)
    }
    guard let entry = zip.entry(named: folder + ".format_version") else { return }
    let format = try self.text(of: entry, in: zip)
    guard format == "1" else { throw refusal(format, "format version", entry, zip) }
  }

  private static func refusal(
    _ found: String,
    _ what: String,
    _ entry: ZipEntry,
    _ zip: ZipReader
  ) -> FlywheelError {
    FlywheelError(
      .unsupported,
      "Found the \(what) '\(found)' of a file of PyTorch, of which PyTorch 2.13 and Flywheel read 1 to "
        + "\(what == "version" ? versions.upperBound : 1); save it with that.",
      at: .init(path: zip.path, tensor: entry.name, byteOffset: offset(of: entry, in: zip))
    )
  }

  /// Whether numbers have their high bytes first; files that do not say it are from little-endian machines.
  private static func isBigEndian(
    _ zip: ZipReader,
    _ folder: String
  ) throws(FlywheelError) -> Bool {
    guard let entry = zip.entry(named: folder + "byteorder") else { return false }
    switch try text(of: entry, in: zip) {
    case "little": return false
    case "big": return true
    case let found:
      throw FlywheelError.malformed(
        found: "the byte order '\(found)'",
        expected: "'little' or 'big'",
        at: .init(path: zip.path, tensor: entry.name, byteOffset: offset(of: entry, in: zip))
      )
    }
  }

  private static func offset(of entry: ZipEntry, in zip: ZipReader) -> UInt64 {
    UInt64((try? zip.storedRange(of: entry))?.lowerBound ?? entry.headerOffset)
  }

  /// The first words of a member that says one thing.
  private static func text(of entry: ZipEntry, in zip: ZipReader) throws(FlywheelError) -> String {
    let bytes = try zip.prefix(of: entry, count: 32)
    let isPlain = bytes.allSatisfy { (0x20..<0x7F).contains($0) || $0 == 0x0A }
    guard isPlain else { return "\(bytes.count) bytes that are no text" }
    return String(decoding: bytes.last == 0x0A ? bytes.dropLast() : bytes[...], as: UTF8.self)
  }

  // MARK: Storages

  func find(_ storage: TorchStorage) throws(FlywheelError) -> String {
    let entry = try entry(of: storage)
    return entry.method == .stored ? "" : "\(entry.method)"
  }

  func contents(
    of storage: TorchStorage,
    isShared: Bool
  ) throws(FlywheelError) -> (TensorStorage, offset: Int) {
    let entry = try entry(of: storage)
    if let range = try zip.storedRange(of: entry) {
      if hasChecksums, !verified.withLock({ $0.contains(storage.key) }) {
        try zip.verify(entry)
        verified.withLock { _ = $0.insert(storage.key) }
      }
      return (zip.bytes, range.lowerBound)
    }
    guard isShared else {
      return (try zip.contents(of: entry, verifiesChecksum: hasChecksums), 0)
    }
    // Under the lock, so that no two threads inflate the same.
    let contents = inflated.withLock { inflated in
      if let known = inflated[storage.key] { return known }
      let contents = Result { () throws(FlywheelError) in
        try zip.contents(of: entry, verifiesChecksum: hasChecksums)
      }
      inflated[storage.key] = contents
      return contents
    }
    return (try contents.get(), 0)
  }

  private func entry(of storage: TorchStorage) throws(FlywheelError) -> ZipEntry {
    let name = folder + "data/" + storage.key
    guard let entry = zip.entry(named: name) else {
      throw FlywheelError(
        .notFound,
        "The file has no member \(quoted(name)) with the bytes of a storage; it was not finished, or packed anew "
          + "without it."
      )
    }
    guard entry.byteCount == storage.byteCount else {
      throw FlywheelError(
        .mismatch,
        "The member \(quoted(name)) has \(entry.byteCount) bytes, but the pickle says that the storage has "
          + "\(storage.byteCount); the file is damaged.",
        at: .init(byteOffset: UInt64(entry.headerOffset))
      )
    }
    return entry
  }
}
