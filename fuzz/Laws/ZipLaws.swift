import FlywheelCheckpoint
import FlywheelCore
import FlywheelDeflate
import FlywheelNPZ
import FlywheelZip
import SystemPackage

/// What holds for any bytes that are read as a zip archive.
public enum ZipLaws {
  /// Reads bytes as an archive, and does with it all that a user can.
  ///
  /// - Parameter bytes: Any bytes.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    let attempt = Attempt(byteCount: bytes.count)
    let storage = try bytes.storage()
    let reader = try attempt { () throws(FlywheelError) in
      try ZipReader(storage, path: "a.zip")
    }
    guard let reader else { return }
    var compressedByteCount = 0
    for entry in reader.entries {
      try BrokenLaw.unless(
        reader.entry(named: entry.name)?.headerOffset == entry.headerOffset,
        "'\(entry.name)' is listed, but another is found"
      )
      compressedByteCount += entry.compressedByteCount
      try check(entry, in: reader, attempt)
    }
    try BrokenLaw.unless(compressedByteCount <= bytes.count, "members share bytes")
    try checkArrays(storage)
  }

  /// The same bytes as an .npz file, whose checksums are compared or not.
  private static func checkArrays(_ bytes: TensorStorage) throws(BrokenLaw) {
    // Offsets in errors about an array count from the start of its member, which may be inflated.
    let attempt = Attempt(byteCount: Inflate.maximumExpansion * bytes.byteCount)
    for checksums in [NPZFile.Checksums.verified, .trusted] {
      let file = try attempt { () throws(FlywheelError) in
        try NPZFile(bytes, path: "a.npz", checksums: checksums)
      }
      guard let file else { throw BrokenLaw("a zip archive is no .npz file") }
      try ArchiveLaws.check(file, attempt)
      _ = try attempt { () throws(FlywheelError) in
        if try file.member(CheckpointKey.document) == nil { return }
        _ = try Checkpoint(reading: file.tensor)
      }
    }
  }

  private static func check(
    _ entry: ZipEntry,
    in reader: ZipReader,
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let stored = try attempt { () throws(FlywheelError) in try reader.storedRange(of: entry) }
    let contents = try attempt { () throws(FlywheelError) in
      try reader.contents(of: entry, verifiesChecksum: false)
    }
    var pieces: [UInt8] = []
    let isRead: Void? = try attempt { () throws(FlywheelError) in
      try reader.read(entry, verifiesChecksum: false) { pieces.append($0) }
    }
    try BrokenLaw.unless(
      (contents == nil) == (isRead == nil),
      "'\(entry.name)' can be read in pieces or as a whole, but not both"
    )
    let verified = try attempt { () throws(FlywheelError) in try reader.contents(of: entry) }
    let isVerified: Void? = try attempt { () throws(FlywheelError) in try reader.verify(entry) }
    try BrokenLaw.unless((verified == nil) == (isVerified == nil), "it verifies, and does not")
    for count in [0, 10, entry.byteCount] {
      let prefix = try attempt { () throws(FlywheelError) in
        try reader.prefix(of: entry, count: count)
      }
      guard let contents else { continue }
      try BrokenLaw.unless(
        contents.bytes.extracting(first: min(count, contents.byteCount)).isEqual(to: prefix),
        "'\(entry.name)' begins otherwise"
      )
    }
    guard let contents else {
      try BrokenLaw.unless(verified == nil, "what cannot be read verifies")
      return
    }
    try BrokenLaw.unless(contents.byteCount == entry.byteCount, "another number of bytes")
    try BrokenLaw.unless(contents.bytes.isEqual(to: pieces), "pieces of '\(entry.name)' are others")
    try BrokenLaw.unless(
      (CRC32.checksum(contents.bytes) == entry.crc32) == (verified != nil),
      "'\(entry.name)' has another checksum than was checked"
    )
    if let stored = stored ?? nil {
      try BrokenLaw.unless(
        stored.count == entry.byteCount && stored.upperBound <= attempt.byteCount,
        "a stored member lies at \(stored)"
      )
    }
  }
}
