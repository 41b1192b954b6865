import FlywheelCheckpoint
import FlywheelCore
import FlywheelFormats
import FlywheelRun
import OrderedCollections
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is measured.
///
/// Every save makes a new file; what a load gives is released after the clock.
struct Operations {
  private var checkpoints: [String: Checkpoint] = [:]
  private var archives: [String: ArchiveSource] = [:]

  /// Performs a request.
  ///
  /// - Returns: How long each repetition took.
  mutating func perform(_ request: Request) throws -> [Stopwatch.Duration] {
    let path = request.path
    switch request.operation {
    case .save, .saveDurably:
      let checkpoint = try checkpoint(request.tensors)
      let durability: AtomicFile.Durability = request.operation == .save ? .cached : .durable
      return try measure(request) {
        try CheckpointFile.write(checkpoint, to: path, durability: durability)
      }
    case .load:
      return try measure(request) { try CheckpointFile.read(path, verification: .checksums) }
    case .map:
      return try measure(request) { try CheckpointFile.read(path, verification: .structure) }
    case .touch:
      return try measure(request) {
        let checkpoint = try CheckpointFile.read(path, verification: .structure)
        guard Self.tensors(of: checkpoint).reduce(0, { $0 &+ Self.touch($1) }) != .max else {
          throw FlywheelError(.corrupted, "Impossible, but the bytes have to be used.")
        }
        return checkpoint
      }
    case .rawWrite, .reservedWrite, .rawWriteDurably:
      let tensors = Self.tensors(of: try checkpoint(request.tensors))
      return try measure(request) { try Self.write(tensors, to: path, request.operation) }
    case .rawRead:
      return try measure(request) { try Self.read(path) }
    case .saveArchive:
      let archive = try archive(request.tensors)
      return try measure(request) { try archive.write(to: path, compression: request.compression) }
    case .loadArchive:
      return try measure(request) { try ArchiveSource.read(path, checking: .checksums) }
    case .mapArchive:
      return try measure(request) { try ArchiveSource.read(path, checking: .structure) }
    case .listArchive:
      return try measure(request) {
        let file = try FileFormat.open(path, checking: .structure)
        return (try file.members(), try file.metadata())
      }
    }
  }

  private mutating func checkpoint(_ name: String) throws(FlywheelError) -> Checkpoint {
    if let checkpoint = checkpoints[name] { return checkpoint }
    guard let set = TensorSet(rawValue: name) else {
      throw FlywheelError(.invalidArgument, "There are no tensors '\(name)'.")
    }
    let checkpoint = try set.checkpoint()
    checkpoints[name] = checkpoint
    return checkpoint
  }

  private mutating func archive(_ path: String) throws(FlywheelError) -> ArchiveSource {
    if let archive = archives[path] { return archive }
    let archive = try ArchiveSource(reading: FilePath(path))
    archives[path] = archive
    return archive
  }

  private func measure<Result>(
    _ request: Request,
    _ body: () throws -> Result
  ) throws -> [Stopwatch.Duration] {
    try (0..<request.count).map { _ in
      if request.operation.isSave {
        unsafe request.path.withPlatformString { unsafe _ = unlink($0) }
      }
      let stopwatch = Stopwatch()
      let result = try body()
      let duration = stopwatch.elapsed
      withExtendedLifetime(result) {}
      return duration
    }
  }

  private static func tensors(of checkpoint: Checkpoint) -> [Tensor] {
    checkpoint.parameters.values.map(\.value)
      + checkpoint.optimizer.slots.values.flatMap { Array($0.values) }
  }

  /// Reads a byte of every page.
  private static func touch(_ tensor: Tensor) -> UInt64 {
    unsafe tensor.bytes.withUnsafeBytes { bytes in
      var sum: UInt64 = 0
      for offset in stride(from: 0, to: bytes.count, by: 4096) {
        sum &+= unsafe UInt64(bytes[offset])
      }
      return sum
    }
  }

  private static func write(
    _ tensors: [Tensor],
    to path: FilePath,
    _ operation: Request.Operation
  ) throws {
    let file = try FileDescriptor.open(
      path,
      .writeOnly,
      options: [.create, .exclusiveCreate],
      permissions: [.ownerReadWrite, .groupRead, .otherRead]
    )
    try file.closeAfter {
      #if os(Linux)
        if operation == .reservedWrite {
          _ = posix_fallocate(file.rawValue, 0, off_t(tensors.reduce(0) { $0 + $1.byteCount }))
        }
      #endif
      for tensor in tensors {
        unsafe try tensor.bytes.withUnsafeBytes { unsafe _ = try file.writeAll($0) }
      }
      if operation == .rawWriteDurably { fsync(file.rawValue) }
    }
  }

  private static func read(_ path: FilePath) throws -> Block {
    let file = try FileDescriptor.open(path, .readOnly)
    return try file.closeAfter {
      let byteCount = Int(try file.seek(offset: 0, from: .end))
      try file.seek(offset: 0, from: .start)
      return try unsafe Block(byteCount: byteCount) { block in
        var count = 0
        while count < byteCount {
          let got = unsafe try file.read(into: .init(rebasing: block[count...]))
          guard got > 0 else { return }
          count += got
        }
      }
    }
  }
}
