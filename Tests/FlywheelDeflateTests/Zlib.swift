import CZlib

/// zlib itself, called as its manual says.
enum Zlib {
  /// Inflates a whole stream.
  ///
  /// - Parameters:
  ///   - compressed: The stream.
  ///   - windowBits: -15 for a raw stream, 15 for one of zlib's.
  ///   - byteCount: How many bytes it holds.
  /// - Returns: The bytes; nil if the stream is not whole, or is not all of `compressed`.
  static func inflate(_ compressed: [UInt8], windowBits: CInt, byteCount: Int) -> [UInt8]? {
    var stream = unsafe z_stream()
    let version = ZLIB_VERSION
    let size = unsafe CInt(MemoryLayout<z_stream>.size)
    guard unsafe inflateInit2_(&stream, windowBits, version, size) == Z_OK else { return nil }
    defer { unsafe _ = inflateEnd(&stream) }
    var input = compressed
    // One more, to see whether there are more.
    var output = [UInt8](repeating: 0, count: byteCount + 1)
    let status = unsafe input.withUnsafeMutableBufferPointer { source in
      unsafe output.withUnsafeMutableBufferPointer { target in
        unsafe stream.next_in = source.baseAddress
        unsafe stream.avail_in = UInt32(source.count)
        unsafe stream.next_out = target.baseAddress
        unsafe stream.avail_out = UInt32(target.count)
        return unsafe CZlib.inflate(&stream, Z_FINISH)
      }
    }
    guard status == Z_STREAM_END, unsafe stream.avail_in == 0, unsafe stream.avail_out == 1 else { return nil }
    return Array(output.dropLast())
  }

  /// Adler-32.
  static func adler32(_ bytes: ArraySlice<UInt8>, continuing adler: UInt32 = 1) -> UInt32 {
    unsafe bytes.withUnsafeBufferPointer { buffer in
      guard buffer.count > 0 else { return adler }
      return unsafe UInt32(CZlib.adler32(uLong(adler), buffer.baseAddress, uInt(buffer.count)))
    }
  }
}
