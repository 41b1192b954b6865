internal import FlywheelCore
internal import FlywheelDeflate
internal import Synchronization

/// A block of a dataset whose chunks were found in the mapped file: libhdf5 is not needed to read them.
struct ChunkedInput: Sendable {
  /// Where a chunk lies in the file.
  struct Place: Sendable {
    var offset: UInt64 = 0
    var byteCount: UInt64 = 0
    /// A bit for each filter that the chunk did not go through.
    var skippedFilters: UInt32 = 0
  }

  /// What comes out.
  let description: TensorDescription
  /// The part of the dataset, without strides.
  private let block: HDF5Block
  /// The shape of a chunk.
  private let chunk: [Int]
  private let chunkByteCount: Int
  private let filters: [HDF5Dataset.Filter]
  private let file: TensorStorage
  /// The chunks that hold some of the block, in row-major order: of the first and how many along each axis.
  private let firstChunk: [Int]
  private let chunkCounts: [Int]
  private var places: [Place] = []

  /// Prepares to read; nil if libhdf5 has to read the block: it has strides, or the filters are others.
  ///
  /// - Parameters:
  ///   - description: What comes out.
  ///   - block: The part of the dataset, within it and not empty.
  ///   - chunk: The shape of its chunks; they are not larger than memory.
  ///   - filters: What they went through.
  ///   - file: The mapped file.
  init?(
    _ description: TensorDescription,
    _ block: HDF5Block,
    chunk: [Int],
    filters: [HDF5Dataset.Filter],
    in file: TensorStorage
  ) {
    let readable: [[HDF5Dataset.Filter]] = [[], [.shuffle], [.gzip], [.shuffle, .gzip]]
    guard !chunk.isEmpty, block.stride.allSatisfy({ $0 == 1 }), readable.contains(filters)
    else { return nil }
    self.description = description
    self.block = block
    self.chunk = chunk
    self.filters = filters
    self.file = file
    chunkByteCount = chunk.reduce(description.element.byteCount, *)
    firstChunk = chunk.indices.map { block.offset[$0] / chunk[$0] }
    chunkCounts = block.chunkCounts(chunk)
  }

  /// Finds the chunks.
  ///
  /// - Parameter find: Finds a chunk by its first element; nil if it is not in the file.
  /// - Returns: Whether all of them are there.
  mutating func locate(_ find: ([Int]) -> Place?) -> Bool {
    let count = chunkCounts.reduce(1, *)
    for index in 0..<count {
      guard let place = find(origin(of: index)) else { return false }
      places.append(place)
    }
    return true
  }

  /// The first element of a chunk.
  private func origin(of index: Int) -> [Int] {
    var origin = firstChunk
    var rest = index
    for axis in chunk.indices.reversed() {
      origin[axis] = (origin[axis] + rest % chunkCounts[axis]) * chunk[axis]
      rest /= chunkCounts[axis]
    }
    return origin
  }

  /// Reads the block, several chunks at a time.
  ///
  /// - Throws: `truncated`, `corrupted` or `malformed`, with the place of the damage in the file.
  /// - Returns: The elements.
  func elements() throws(FlywheelError) -> HDF5Elements {
    let memory = Mutex<[Memory]>([])
    let storage = try unsafe TensorStorage(byteCount: description.byteCount) {
      (buffer) throws(FlywheelError) in
      // Chunks do not overlap, and together they fill all of the buffer.
      nonisolated(unsafe) let buffer = unsafe buffer
      try Parallel.forEach(places.count) { (index) throws(FlywheelError) in
        var own = memory.withLock { $0.popLast() } ?? Memory()
        try unsafe read(index, into: buffer, &own)
        memory.withLock { $0.append(own) }
      }
    }
    return try HDF5Elements(description, storage)
  }

  /// What one thread needs, for one chunk after the other.
  private struct Memory: Sendable {
    var inflated: [UInt8] = []
    var elements: [UInt8] = []
  }

  private func read(
    _ index: Int,
    into buffer: UnsafeMutableRawBufferPointer,
    _ memory: inout Memory
  ) throws(FlywheelError) {
    let place = places[index]
    let copy = Copy(of: chunk, at: origin(of: index), to: block, description.element.byteCount)
    guard !copy.isWhole else {
      let target = unsafe UnsafeMutableRawBufferPointer(
        rebasing: buffer[copy.target..<copy.target + chunkByteCount]
      )
      var span = unsafe MutableRawSpan(_unsafeBytes: target)
      return try decode(place, into: &span, &memory.inflated)
    }
    if memory.elements.isEmpty { memory.elements = [UInt8](repeating: 0, count: chunkByteCount) }
    var inflated: [UInt8] = []
    swap(&inflated, &memory.inflated)
    defer { swap(&inflated, &memory.inflated) }
    try memory.elements.withMutableRawBytes { (elements) throws(FlywheelError) in
      try decode(place, into: &elements, &inflated)
    }
    unsafe memory.elements.withUnsafeBytes { elements in
      copy.forEachRun { source, target, count in
        // Within the chunk and the block, as both were cut to what they share.
        let run = unsafe UnsafeRawBufferPointer(rebasing: elements[source..<source + count])
        unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[target..<target + count])
          .copyMemory(from: run)
      }
    }
  }

  /// Undoes the filters of a chunk.
  private func decode(
    _ place: Place,
    into elements: inout MutableRawSpan,
    _ inflated: inout [UInt8]
  ) throws(FlywheelError) {
    let stored = try bytes(of: place)
    let isCompressed = went(place, through: .gzip)
    guard went(place, through: .shuffle) else {
      if isCompressed { return try inflate(stored, place, into: &elements) }
      return Shuffle.unshuffle(try whole(stored, place), elementByteCount: 1, into: &elements)
    }
    let elementByteCount = description.element.byteCount
    guard isCompressed else {
      let shuffled = try whole(stored, place)
      return Shuffle.unshuffle(shuffled, elementByteCount: elementByteCount, into: &elements)
    }
    if inflated.isEmpty { inflated = [UInt8](repeating: 0, count: chunkByteCount) }
    try inflated.withMutableRawBytes { (inflated) throws(FlywheelError) in
      try inflate(stored, place, into: &inflated)
    }
    Shuffle.unshuffle(inflated.rawBytes, elementByteCount: elementByteCount, into: &elements)
  }

  private func went(_ place: Place, through filter: HDF5Dataset.Filter) -> Bool {
    guard let index = filters.firstIndex(of: filter) else { return false }
    return place.skippedFilters >> UInt32(index) & 1 == 0
  }

  @_lifetime(borrow self)
  private func bytes(of place: Place) throws(FlywheelError) -> RawSpan {
    let size = UInt64(file.byteCount)
    guard place.offset <= size, place.byteCount <= size - place.offset else {
      throw FlywheelError.truncated(
        "a chunk",
        needed: place.byteCount,
        available: size - min(place.offset, size),
        at: .init(byteOffset: place.offset)
      )
    }
    let range = Int(place.offset)..<Int(place.offset + place.byteCount)
    return unsafe _overrideLifetime(file.bytes.extracting(range), borrowing: self)
  }

  /// A chunk that is not compressed has its size.
  @_lifetime(copy stored)
  private func whole(_ stored: RawSpan, _ place: Place) throws(FlywheelError) -> RawSpan {
    guard stored.byteCount == chunkByteCount else {
      throw FlywheelError.malformed(
        found: "a chunk of \(stored.byteCount) bytes that is not compressed",
        expected: "\(chunkByteCount) bytes",
        at: .init(byteOffset: place.offset)
      )
    }
    return stored
  }

  private func inflate(
    _ stored: RawSpan,
    _ place: Place,
    into bytes: inout MutableRawSpan
  ) throws(FlywheelError) {
    do throws(FlywheelError) {
      try Inflate.inflate(stored, .zlib, into: &bytes)
    } catch {
      var error = error
      error.location.byteOffset = place.offset + (error.location.byteOffset ?? 0)
      throw error
    }
  }

  /// The runs of bytes that a chunk and a block share.
  private struct Copy {
    /// The first run in the chunk and in the block.
    private let source: Int
    let target: Int
    private let runByteCount: Int
    /// How many runs there are along each axis before those that a run goes over, and the steps between them.
    private let counts: [Int]
    private let sourceSteps: [Int]
    private let targetSteps: [Int]
    /// Whether the block has all of the chunk in one piece.
    let isWhole: Bool

    init(of chunk: [Int], at origin: [Int], to block: HDF5Block, _ elementByteCount: Int) {
      let first = chunk.indices.map { max(origin[$0], block.offset[$0]) }
      let shared = chunk.indices.map { axis in
        let end = min(chunk[axis], block.offset[axis] + block.count[axis] - origin[axis])
        return origin[axis] + end - first[axis]
      }
      var sourceSteps = [Int](repeating: elementByteCount, count: chunk.count)
      var targetSteps = sourceSteps
      for axis in chunk.indices.dropLast().reversed() {
        sourceSteps[axis] = sourceSteps[axis + 1] * chunk[axis + 1]
        targetSteps[axis] = targetSteps[axis + 1] * block.count[axis + 1]
      }
      source = zip(zip(first, origin), sourceSteps).reduce(0) { $0 + ($1.0.0 - $1.0.1) * $1.1 }
      target = zip(zip(first, block.offset), targetSteps).reduce(0) {
        $0 + ($1.0.0 - $1.0.1) * $1.1
      }
      // A run goes on over an axis when all after it are whole in both.
      var axis = chunk.count - 1
      while axis > 0, shared[axis] == chunk[axis], shared[axis] == block.count[axis] { axis -= 1 }
      runByteCount = shared[axis] * sourceSteps[axis]
      counts = Array(shared[..<axis])
      self.sourceSteps = sourceSteps
      self.targetSteps = targetSteps
      isWhole = shared == chunk && counts.allSatisfy { $0 == 1 }
    }

    /// Hands out where each run begins in the chunk and in the block, and its length.
    func forEachRun(_ body: (Int, Int, Int) -> Void) {
      var index = [Int](repeating: 0, count: counts.count)
      var (source, target) = (source, target)
      while true {
        body(source, target, runByteCount)
        var axis = counts.count - 1
        while axis >= 0 {
          index[axis] += 1
          source += sourceSteps[axis]
          target += targetSteps[axis]
          if index[axis] < counts[axis] { break }
          source -= counts[axis] * sourceSteps[axis]
          target -= counts[axis] * targetSteps[axis]
          index[axis] = 0
          axis -= 1
        }
        if axis < 0 { return }
      }
    }
  }
}
