import FlywheelCore
import FlywheelTestSupport
import SystemPackage
import Testing

@testable import FlywheelHDF5

/// Files of other programs, made by `Tests/Python/make_hdf5_fixtures.py`, against what h5py read there.
@Suite("HDF5 files of other programs")
struct HDF5ArchiveTests {
  /// Found from where this file lies.
  static let directory = FilePath("\(#filePath)").removingLastComponent().removingLastComponent()
    .appending("Fixtures").appending("hdf5")

  static let names = [
    "h5py-earliest.h5", "h5py-v110.h5", "keras.weights.h5", "keras-legacy.h5", "pytables.h5",
    "netcdf4.nc", "matlab.mat", "hdf5storage.mat",
  ]

  private static func expected(_ name: String) throws -> JSONObject {
    let bytes = try OpenFile.contents(of: directory.appending("expected.json"))
    var all = try JSONObject(JSONValue(parsing: bytes))
    return try all.object(name)
  }

  @Test("Every number is what h5py reads, everything else is listed in words", arguments: names)
  func values(name: String) throws {
    var expected = try Self.expected(name)
    let file = try HDF5File(opening: Self.directory.appending(name))
    let datasets = try file.allDatasets()
    #expect(Set(datasets.map { String($0.path.dropFirst()) }) == Set(expected.names))
    for dataset in datasets {
      let key = String(dataset.path.dropFirst())
      guard var expectation = try expected.nullableObject(key) else {
        #expect(throws: FlywheelError.self) { try file.tensor(key) }
          .map { #expect($0.code == .unsupported, "\(key)") }
        #expect(dataset.dtype == nil || name == "pytables.h5", "\(key)")
        continue
      }
      let tensor = try file.tensor(key)
      let dtype = try expectation.string("dtype")
      let shape = try expectation.integers("shape")
      let checksum = try expectation.unsigned("crc32")
      #expect(tensor.dtype.rawValue == dtype, "\(key)")
      #expect(tensor.shape.extents == shape, "\(key)")
      #expect(UInt64(tensor.crc32) == checksum, "\(key)")
    }
  }

  @Test("Keras's order, names and texts are there")
  func keras() throws {
    let file = try HDF5File(opening: Self.directory.appending("keras-legacy.h5"))
    #expect(try file.attribute("layer_names", of: "model_weights") == .strings(["first"]))
    #expect(
      try file.attribute("weight_names", of: "model_weights/first")
        == .strings(["run/first/kernel", "run/first/bias"])
    )
    #expect(try file.attribute("keras_version", of: "model_weights") == .string("3.15.1"))
    let weights = try HDF5File(opening: Self.directory.appending("keras.weights.h5"))
    #expect(try weights.tensor("layers/dense/vars/0").dtype == .bfloat16)
  }

  @Test("Texts, attributes and links of h5py are read", arguments: ["earliest", "v110"])
  func texts(version: String) throws {
    let file = try HDF5File(opening: Self.directory.appending("h5py-\(version).h5"))
    #expect(try file.strings(at: "texts") == ["Größe", "", "b"])
    #expect(try file.strings(at: "fixed") == ["ab", "c"])
    #expect(try file.attribute("names") == .strings(["dense", "größer"]))
    #expect(try file.attribute("rates") == .tensor(Tensor(vector: [0.5, 0.25])))
    guard case .tensor(let ready) = try file.attribute("ready") else {
      Issue.record("no truth value")
      return
    }
    #expect(ready.dtype == .bool)
    #expect(HDF5RoundTripTests.bytes(of: ready) == [1])
    #expect(try file.members().last == .init(name: "soft", kind: .softLink(target: "/chunks")))
    #expect(try file.tensor("soft").shape.extents == [9, 11])
    // track_order=True
    #expect(try file.members().map(\.name).first == "numbers")
  }

  @Test("netCDF4, PyTables and MATLAB say in words what is no number")
  func words() throws {
    for (name, key, words) in [
      ("netcdf4.nc", "name", "text of variable length"), ("pytables.h5", "table", "compound type"),
      ("matlab.mat", "cell", "a reference"),
    ] {
      let file = try HDF5File(opening: Self.directory.appending(name))
      #expect(try file.dataset(key).typeDescription.contains(words))
    }
    let tables = try HDF5File(opening: Self.directory.appending("pytables.h5"))
    let error = #expect(throws: FlywheelError.self) { try tables.tensor("blosc") }
    #expect(error?.message.contains("blosc (32001)") == true)
    #expect(error?.message.contains("h5repack") == true)
    let matlab = try HDF5File(opening: Self.directory.appending("matlab.mat"))
    #expect(try matlab.attribute("MATLAB_class", of: "weights") == .string("double"))
  }
}
