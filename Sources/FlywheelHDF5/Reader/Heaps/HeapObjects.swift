internal import FlywheelCore

/// The objects of a fractal heap, each taken once.
///
/// An index can name one object as often as it likes. Here all objects that are taken have together no more
/// bytes than a sound heap has, so that a small file cannot ask for much memory.
struct HeapObjects {
  private let heap: FractalHeap
  private var budget: ReadingBudget

  /// Takes none yet.
  ///
  /// - Parameter heap: The heap.
  init(of heap: FractalHeap) {
    self.heap = heap
    budget = ReadingBudget(byteCount: heap.byteLimit)
  }

  /// Takes an object.
  ///
  /// - Parameter id: What names it.
  /// - Throws: As `FractalHeap.object(_:)`; `malformed` if objects overlap.
  /// - Returns: Its bytes.
  mutating func take(_ id: StoredBytes) throws(FlywheelError) -> StoredBytes {
    let object = try heap.object(id)
    try budget.spend(object.count, "objects", of: "a heap", at: id.fileOffset)
    return object
  }
}
