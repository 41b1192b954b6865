import FlywheelCore
import OrderedCollections
import SystemPackage

/// The files in Tests/Fixtures/torch, made by `Tests/Python/make_torch_fixtures.py`.
enum TorchFixtures {
  /// Found from where this file lies.
  static let directory = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
    .appending("Fixtures").appending("torch")

  /// The names of those beside which lies what PyTorch finds in them.
  static let names = ((try? FileSystem.names(in: directory)) ?? [])
    .filter { $0.hasSuffix(".json") }.map { String($0.dropLast(5)) }

  static func path(_ name: String) -> FilePath { directory.appending(name + ".pt") }

  static func bytes(_ name: String) throws -> [UInt8] {
    try OpenFile.contents(of: path(name))
  }

  /// What PyTorch finds in a file.
  static func expected(_ name: String) throws -> JSONObject {
    let bytes = try OpenFile.contents(of: directory.appending(name + ".json"))
    return try JSONObject(JSONValue(parsing: bytes.rawBytes))
  }
}
