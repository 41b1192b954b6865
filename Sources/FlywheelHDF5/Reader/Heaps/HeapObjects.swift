internal import FlywheelCore

/// The objects of a fractal heap, each taken once.
///
/// An index can name one object as often as it likes. Here all objects that are taken have together no more
/// bytes than a sound heap can have, so that a small file cannot ask for much memory.
struct HeapObjects {
  private let heap: FractalHeap
  private var unread: Int

  /// Takes none yet.
  ///
  /// - Parameter heap: The heap.
  init(of heap: FractalHeap) {
    self.heap = heap
    unread = heap.byteLimit
  }

  /// Takes an object.
  ///
  /// - Parameter id: What names it.
  /// - Throws: As `FractalHeap.object(_:)`; `malformed` if objects overlap.
  /// - Returns: Its bytes.
  mutating func take(_ id: StoredBytes) throws(FlywheelError) -> StoredBytes {
    let object = try heap.object(id)
    guard object.count <= unread else {
      throw FlywheelError.malformed(
        found: "objects of a heap that overlap",
        expected: "objects each in a place of its own",
        at: .init(byteOffset: UInt64(id.fileOffset))
      )
    }
    unread -= object.count
    return object
  }
}
