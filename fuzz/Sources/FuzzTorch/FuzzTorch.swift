import Laws

/// Takes what libFuzzer hands out, and traps where a law is broken.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // libFuzzer keeps the bytes until this returns.
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  do throws(BrokenLaw) {
    try TorchLaws.check(bytes)
  } catch {
    fatalError(error.description)
  }
  return 0
}
