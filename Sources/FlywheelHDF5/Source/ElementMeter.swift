internal import FlywheelCore
internal import Synchronization

/// Counts the bytes of elements that are read of a file whose datasets declare more together than its size justifies.
///
/// Each dataset is bounded by `ReadLimit`; tens of thousands of small headers that each declare as much, of the same
/// bytes or of fill values, are not. Nothing is counted of other files.
struct ElementMeter: ~Copyable, Sendable {
  private let fileByteCount: Int
  private let all: Part
  /// Those that lie in the file in one piece for each dataset, of which a sound file has no more than bytes.
  private let inPieces: Part

  /// Some of the elements.
  private struct Part: ~Copyable, Sendable {
    /// How many bytes are declared, if that is too much; else 0.
    let declared = Atomic(0)
    /// What is read of them.
    let read: ByteCounter

    init(limit: Int) { read = ByteCounter(limit: limit) }

    var isCounting: Bool { declared.load(ordering: .relaxed) > 0 }

    /// What is declared, for the error.
    var words: String {
      let declared = declared.load(ordering: .relaxed)
      return declared == .max ? "more bytes than can be counted" : "\(declared) bytes"
    }

    func begin(declaring byteCount: Int) {
      if byteCount > read.limit { declared.store(byteCount, ordering: .relaxed) }
    }

    /// Counts bytes; whether they are not too many.
    func spend(_ count: Int) -> Bool { !isCounting || read.spend(count) }
  }

  /// Whether there is anything to count.
  var isCounting: Bool { all.isCounting || inPieces.isCounting }

  /// Counts nothing yet.
  ///
  /// - Parameter limit: What the size of the file justifies.
  init(_ limit: ReadLimit) {
    fileByteCount = limit.fileByteCount
    all = Part(limit: limit.totalLimit)
    inPieces = Part(limit: limit.fileByteCount)
  }

  /// Begins to count what is read from now on, if the datasets declare too much.
  ///
  /// - Parameter bytes: What they declare.
  func begin(declaring bytes: DeclaredBytes) {
    all.begin(declaring: bytes.all)
    inPieces.begin(declaring: bytes.inPieces)
  }

  /// Counts elements that are to be read of a file that declares too many.
  ///
  /// - Parameters:
  ///   - count: The number of their bytes.
  ///   - isPiece: Whether they lie in the file in one piece.
  /// - Throws: `limitExceeded` if that is more together than the file justifies.
  func spend(_ count: Int, isPiece: Bool) throws(FlywheelError) {
    if isPiece, !inPieces.spend(count) {
      throw failure(
        "The arrays that lie in the file in one piece declare \(inPieces.words) together, and it has only "
          + "\(fileByteCount): it is damaged, or made to take up time."
      )
    }
    guard all.spend(count) else {
      throw failure(
        "The arrays of the file declare \(all.words) together, and \(all.read.limit) are the most that are read of "
          + "one that has \(fileByteCount) itself: it is damaged, made to take up time, or nearly empty."
      )
    }
  }

  private func failure(_ found: String) -> FlywheelError {
    FlywheelError(
      .limitExceeded,
      found
        + " Read only the arrays that are needed, as 'flywheel convert --only' does; what was read "
        + "counts until the file is opened again."
    )
  }
}
