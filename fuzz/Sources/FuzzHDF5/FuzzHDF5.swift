import Laws

/// Takes what libFuzzer hands out, and traps where a law is broken.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  // libFuzzer keeps the bytes until this returns.
  let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
  do throws(BrokenLaw) {
    try HDF5Laws.check(bytes)
  } catch {
    fatalError(error.description)
  }
  return 0
}

/// Changes bytes for libFuzzer, and then the checksums over them, which would end nearly every try.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(
  _ start: UnsafeMutablePointer<UInt8>,
  _ count: Int,
  _ limit: Int,
  _ seed: CUnsignedInt
) -> Int {
  // libFuzzer has room for as many bytes as the limit says.
  let buffer = unsafe UnsafeMutableBufferPointer(start: start, count: limit)
  var mutation = unsafe Mutation(of: Array(buffer[..<count]), seed: UInt64(seed))
  mutation.run(limit: limit)
  for (index, byte) in mutation.bytes.enumerated() { unsafe buffer[index] = byte }
  return mutation.bytes.count
}
