import FlywheelCore
import FlywheelLaws
import SystemPackage
import Testing

/// The inputs in fuzz/inputs: what fuzzing found, and what it begins with.
@Suite struct FuzzInputTests {
  /// One of them.
  struct Input: Sendable, CustomTestStringConvertible {
    let path: FilePath

    var testDescription: String { path.lastComponent?.string ?? path.string }

    /// All inputs of a target; found from where this file lies.
    static func all(_ target: String) -> [Input] {
      let directory = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
        .removingLastComponent().appending("fuzz/inputs").appending(target)
      return ((try? FileSystem.names(in: directory)) ?? []).map { name in
        Input(path: directory.appending(name))
      }
    }

    func bytes() throws -> [UInt8] { try OpenFile.contents(of: path) }
  }

  @Test(arguments: Input.all("hdf5"))
  func `an HDF5 file keeps its laws`(input: Input) throws {
    try HDF5Laws.check(input.bytes())
  }

  @Test(arguments: Input.all("json"))
  func `JSON keeps its laws`(input: Input) throws {
    try JSONLaws.check(input.bytes())
  }

  @Test(arguments: Input.all("npy"))
  func `a .npy file keeps its laws`(input: Input) throws {
    try NPYLaws.check(input.bytes())
  }

  @Test(arguments: Input.all("pickle"))
  func `a pickle keeps its laws`(input: Input) throws {
    try PickleLaws.check(input.bytes())
  }

  @Test(arguments: Input.all("safetensors"))
  func `a safetensors file keeps its laws`(input: Input) throws {
    try SafetensorsLaws.check(input.bytes())
  }

  @Test(arguments: Input.all("torch"))
  func `a file of PyTorch keeps its laws`(input: Input) throws {
    try TorchLaws.check(input.bytes())
  }

  @Test(arguments: Input.all("zip"))
  func `a zip archive keeps its laws`(input: Input) throws {
    try ZipLaws.check(input.bytes())
  }

  @Test func `there are inputs for every target`() {
    for target in ["hdf5", "json", "npy", "pickle", "safetensors", "torch", "zip"] {
      #expect(Input.all(target).count > 10)
    }
  }
}
