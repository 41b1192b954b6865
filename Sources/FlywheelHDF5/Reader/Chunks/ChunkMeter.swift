internal import FlywheelCore
internal import Synchronization

/// Counts the bytes that an open file has for chunks: each dataset's index and chunks once, when its elements are
/// first asked for.
///
/// In a sound file they are no other dataset's. Of a file in which thousands of datasets name the same chunks or the
/// same index, each may be read within its own limits, and all together would take hours.
final class ChunkMeter: Sendable {
  /// Each byte of a sound file belongs to one dataset at most, and the beginning of a node is looked at twice.
  private static let repetitionLimit = 2

  private let meter: ReadMeter
  private let image: FileImage
  private let meteredImage: FileImage
  /// The headers of the datasets that were counted.
  private let counted = Mutex<Set<UInt64>>([])

  /// Counts nothing yet.
  ///
  /// - Parameter image: The file.
  init(in image: FileImage) {
    let (limit, overflow) = image.storage.byteCount
      .multipliedReportingOverflow(by: Self.repetitionLimit)
    meter = ReadMeter(
      limit: overflow ? .max : limit,
      advice: " Read only the arrays that are needed, as 'flywheel convert --only' does; what "
        + "was read counts until the file is opened again."
    )
    self.image = image
    meteredImage = image.metered(by: meter)
  }

  /// Finds the elements of a dataset in chunks.
  ///
  /// It may be asked for any number of times, by several threads at once: one of them counts.
  ///
  /// - Parameters:
  ///   - address: Where the dataset's header is.
  ///   - body: Finds the elements in the file that it is given, which counts what `ChunkTable` finds if it has a meter.
  /// - Throws: What `body` throws; `limitExceeded` if that would be more than all datasets of a sound file have.
  /// - Returns: What `body` returns.
  func find<Elements: ~Copyable>(
    ofDatasetAt address: UInt64,
    _ body: (FileImage) throws(FlywheelError) -> Elements
  ) throws(FlywheelError) -> Elements {
    guard counted.withLock({ $0.insert(address).inserted }) else { return try body(image) }
    do throws(FlywheelError) {
      return try body(meteredImage)
    } catch {
      // What was refused is refused the next time, too; what is damaged is not counted again.
      if meter.isExceeded { _ = counted.withLock { $0.remove(address) } }
      throw error
    }
  }
}
