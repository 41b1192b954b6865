#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// New memory; if it is much, in large pages where the system has them, as numpy asks for it.
@safe final class Block {
  private let bytes: UnsafeMutableRawBufferPointer

  /// Allocates a block and lets `fill` write to it.
  init(byteCount: Int, filledBy fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
    let isLarge = byteCount >= 4 << 20
    let bytes = UnsafeMutableRawBufferPointer.allocate(
      byteCount: byteCount,
      alignment: isLarge ? 2 << 20 : 64
    )
    unsafe self.bytes = bytes
    #if os(Linux)
      if isLarge { unsafe _ = madvise(bytes.baseAddress, byteCount, MADV_HUGEPAGE) }
    #endif
    try unsafe fill(bytes)
  }

  deinit {
    unsafe bytes.deallocate()
  }
}
