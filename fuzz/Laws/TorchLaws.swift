import FlywheelCore
import FlywheelDeflate
import FlywheelTorch
import OrderedCollections
import SystemPackage

/// What holds for any bytes that are read as a file of PyTorch, or as one of its distributed checkpoints.
public enum TorchLaws {
  /// Reads bytes as both, and does with them all that a user can.
  ///
  /// - Parameter bytes: Any bytes; of a distributed checkpoint the metadata, and then, from the first header of a
  ///   zip archive on, what is in every file that they name.
  /// - Throws: `BrokenLaw`.
  public static func check(_ bytes: [UInt8]) throws(BrokenLaw) {
    // Offsets in errors about a pickle that is compressed count from its own start.
    let attempt = Attempt(byteCount: Inflate.maximumExpansion * bytes.count)
    let storage = try bytes.storage()
    let file = try attempt { () throws(FlywheelError) in try TorchFile(storage, path: "a.pt") }
    let trusting = try attempt { () throws(FlywheelError) in
      try TorchFile(storage, path: "a.pt", verifiesChecksums: false)
    }
    if let file {
      try BrokenLaw.unless(trusting != nil, "a file is whole only if checksums are compared")
      try ArchiveLaws.check(file, attempt)
      try checkNames(of: file, attempt, in: Inflate.maximumExpansion * bytes.count)
    }
    if let trusting {
      try BrokenLaw.unless(!trusting.hasChecksums, "checksums are compared that should not be")
      try ArchiveLaws.check(trusting, attempt)
    }
    try checkDistributed(bytes, attempt)
  }

  private static func checkDistributed(
    _ bytes: [UInt8],
    _ attempt: Attempt
  ) throws(BrokenLaw) {
    let signature = Array("PK\u{3}\u{4}".utf8)
    let end = bytes.indices.first { bytes[$0...].starts(with: signature) } ?? bytes.count
    let metadata = try Array(bytes[..<end]).storage()
    let contents = try Array(bytes[end...]).storage()
    let checkpoint = try attempt { () throws(FlywheelError) in
      try DistributedCheckpoint(metadata, path: "a") { _ in contents }
    }
    guard let checkpoint else { return }
    _ = checkpoint.hasChecksums
    try ArchiveLaws.check(checkpoint, attempt)
    try checkNames(of: checkpoint, attempt, in: Inflate.maximumExpansion * bytes.count)
  }

  /// Names do not take more memory than the bytes can justify.
  private static func checkNames(
    of archive: some ArchiveReader,
    _ attempt: Attempt,
    in byteCount: Int
  ) throws(BrokenLaw) {
    let members = try attempt { () throws(FlywheelError) in try archive.members() } ?? []
    let metadata = try attempt { () throws(FlywheelError) in try archive.metadata() }
    var count = members.reduce(0) { $0 + $1.key.utf8.count }
    for group in metadata?.emptyGroups ?? [] { count += group.utf8.count }
    for (owner, attributes) in metadata?.attributes ?? [:] {
      count += owner.utf8.count + attributes.keys.reduce(0) { $0 + $1.utf8.count }
    }
    try BrokenLaw.unless(
      count <= 64 * byteCount + (2 << 20),
      "\(byteCount) bytes make names of \(count)"
    )
  }
}
