import FlywheelCheckpoint
import FlywheelCore
import FlywheelTestSupport
import OrderedCollections
import SystemPackage
import Testing

@testable import FlywheelTrain

/// Tensors that are an archive without a file.
private final class Arrays: ArchiveReader {
  let path: FilePath = "/data.npz"
  private let arrays: OrderedDictionary<String, Tensor>

  init(_ arrays: OrderedDictionary<String, Tensor>) { self.arrays = arrays }

  func members() throws(FlywheelError) -> [ArchiveMember] {
    arrays.map { ArchiveMember(key: $0, content: .array(TensorDescription(of: $1))) }
  }

  func member(_ key: String) throws(FlywheelError) -> ArchiveMember? {
    try members().first { $0.key == key }
  }

  func metadata() throws(FlywheelError) -> ArchiveMetadata { ArchiveMetadata() }

  func tensor(_ key: String) throws(FlywheelError) -> Tensor? { arrays[key] }

  func read(
    _ key: String,
    _ body: (RawSpan) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    if let array = arrays[key] { try body(array.bytes) }
  }
}

@Suite struct ArchivedDataSetTests {
  typealias Tensors = OrderedDictionary<String, Tensor>

  /// Two training images and one to test with, of 2 by 3 pixels, under some names.
  private static func arrays(_ names: [String]) throws -> Tensors {
    [
      names[0]: try Tensor((0..<12).map { UInt8($0) }, shape: Shape([2, 2, 3])),
      names[1]: try Tensor(vector: [4, 9] as [UInt8]),
      names[2]: try Tensor((20..<26).map { UInt8($0) }, shape: Shape([1, 2, 3])),
      names[3]: try Tensor(vector: [3] as [UInt8]),
    ]
  }

  private static let keras = ["x_train", "y_train", "x_test", "y_test"]
  private static let medical = ["train_images", "train_labels", "test_images", "test_labels"]

  private func load(
    _ arrays: Tensors,
    _ settings: NormalizationSettings = NormalizationSettings()
  ) throws -> (training: LabelledSamples, test: LabelledSamples) {
    try ArchivedDataSet(Arrays(arrays)).read().load(as: Double.self, settings)
  }

  @Test(arguments: [keras, medical])
  func `arrays are found under the names of both conventions`(names: [String]) throws {
    var arrays = try Self.arrays(names)
    arrays["val_images"] = try Tensor(vector: [1.5])
    let (training, test) = try load(arrays)
    #expect(try training.values.elements(as: UInt8.self) == (0..<12).map { UInt8($0) })
    #expect(training.labels == [4, 9])
    #expect(training.sampleShape == [2, 3])
    #expect(training.classCount == 10)
    #expect(training.storedType == .uint8)
    let all: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4, 9]
    #expect(training.checksum == CRC32.checksum(all.rawBytes))
    #expect(test.labels == [3])
    #expect(test.classCount == 10)
    #expect(try test.values.elements(as: UInt8.self) == (20..<26).map { UInt8($0) })
  }

  @Test func `without arrays to test with there is no test`() throws {
    var arrays = try Self.arrays(Self.keras)
    arrays["x_test"] = nil
    arrays["y_test"] = nil
    let (training, test) = try load(arrays)
    #expect(training.count == 2)
    #expect(test.count == 0)
    #expect(test.sampleShape == [2, 3])
    #expect(test.checksum == 0)
  }

  @Test(
    arguments: DType.allCases.filter { $0.kind != .complex && $0 != .uint8 }
  )
  func `samples of every real type are normalized once`(dtype: DType) throws {
    let values: [Double] = [0, 1, 1, 0]
    var arrays = try Self.arrays(Self.keras)
    arrays["x_train"] = try Tensor(values, shape: Shape([2, 2])).converted(to: dtype)
    arrays["x_test"] = try Tensor([1.0, 0], shape: Shape([1, 2])).converted(to: dtype)
    let (training, test) = try load(
      arrays,
      NormalizationSettings(scale: 0.3, mean: 0.1, deviation: 0.7)
    )
    #expect(training.storedType == dtype)
    let normalized = values.map { ($0 * 0.3 - 0.1) / 0.7 }
    #expect(try training.values.elements(as: Double.self) == normalized)
    #expect(try test.values.elements(as: Double.self) == [normalized[1], normalized[0]])
  }

  @Test func `many samples are converted in pieces without a seam`() throws {
    let values = (0..<70_001).map { Float($0) }
    var arrays = try Self.arrays(Self.keras)
    arrays["x_train"] = try Tensor(values, shape: Shape([2333 * 30 + 11, 1]))
    arrays["y_train"] = try Tensor(vector: values.map { Int64($0) % 7 })
    arrays["x_test"] = nil
    arrays["y_test"] = nil
    let training = try load(arrays).training
    #expect(try training.values.elements(as: Double.self) == values.map { Double($0) })
    #expect(training.classCount == 7)
  }

  @Test(
    arguments: DType.allCases.filter { [.signedInteger, .unsignedInteger].contains($0.kind) },
    [[2], [2, 1]]
  )
  func `labels are integers of any type, also in a column`(
    dtype: DType,
    extents: [Int]
  ) throws {
    var arrays = try Self.arrays(Self.keras)
    arrays["y_train"] = try Tensor([7, 100] as [Int64], shape: Shape(extents)).converted(to: dtype)
    #expect(try load(arrays).training.labels == [7, 100])
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var key: String
    var array: @Sendable () throws -> Tensor?
    var code: FlywheelError.Code
    var words: String
    var tensor: String?
  }

  static let faults = [
    Fault(
      testDescription: "no labels",
      key: "y_train",
      array: { nil },
      code: .notFound,
      words: "There is no 'y_train'. Looked for arrays x_train, y_train, x_test, y_test, or "
        + "train_images, train_labels, test_images, test_labels; the archive holds x_train, x_test, "
        + "y_test.",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "labels to test with, but no samples",
      key: "x_test",
      array: { nil },
      code: .notFound,
      words: "There is no 'x_test'",
      tensor: "x_test"
    ),
    Fault(
      testDescription: "one-hot labels",
      key: "y_train",
      array: { try Tensor([UInt8](repeating: 0, count: 20), shape: Shape([2, 10])) },
      code: .mismatch,
      words: "shape (2, 10); give the number of one class for each sample, which of one-hot rows "
        + "is labels.argmax(axis=1).",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "labels that are no integers",
      key: "y_train",
      array: { try Tensor(vector: [4.0, 9]) },
      code: .malformed,
      words: "labels of type float64",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "a label for all",
      key: "y_test",
      array: { try Tensor([3] as [UInt8], shape: Shape([])) },
      code: .mismatch,
      words: "The labels have the shape ()",
      tensor: "y_test"
    ),
    Fault(
      testDescription: "a label below 0",
      key: "y_train",
      array: { try Tensor(vector: [4, -1] as [Int64]) },
      code: .malformed,
      words: "the label -1 of sample 1",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "a label beyond 64 bits",
      key: "y_train",
      array: { try Tensor(vector: [4, .max] as [UInt64]) },
      code: .invalidArgument,
      words: "Element 1 is 18446744073709551615",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "a label too few",
      key: "y_train",
      array: { try Tensor(vector: [4] as [UInt8]) },
      code: .mismatch,
      words: "Found 1 labels for the 2 samples in 'x_train'",
      tensor: "y_train"
    ),
    Fault(
      testDescription: "a class to test with that there is not",
      key: "y_test",
      array: { try Tensor(vector: [10] as [UInt8]) },
      code: .mismatch,
      words: "the label 10",
      tensor: "y_test"
    ),
    Fault(
      testDescription: "samples of nothing",
      key: "x_train",
      array: { try Tensor([] as [UInt8], shape: Shape([2, 0])) },
      code: .mismatch,
      words: "shape (2, 0)",
      tensor: "x_train"
    ),
    Fault(
      testDescription: "one number",
      key: "x_train",
      array: { try Tensor([1.0], shape: Shape([])) },
      code: .mismatch,
      words: "shape ()",
      tensor: "x_train"
    ),
    Fault(
      testDescription: "complex samples",
      key: "x_train",
      array: {
        try Tensor([Double](repeating: 0, count: 12), shape: Shape([2, 6]))
          .converted(to: .complex128)
      },
      code: .unsupported,
      words: "The samples are complex128",
      tensor: "x_train"
    ),
    Fault(
      testDescription: "a number that is not finite",
      key: "x_train",
      array: { try Tensor([1, 2, 3, .infinity], shape: Shape([2, 2])) },
      code: .malformed,
      words: "Value 1 of sample 1 is inf",
      tensor: "x_train"
    ),
    Fault(
      testDescription: "other samples to test with",
      key: "x_test",
      array: { try Tensor([1.0, 2], shape: Shape([1, 2])) },
      code: .mismatch,
      words: "The test samples are float64 of 2, the training samples uint8 of 2 x 3",
      tensor: nil
    ),
  ]

  @Test(arguments: faults)
  func `what does not fit is named`(fault: Fault) throws {
    var arrays = try Self.arrays(Self.keras)
    arrays[fault.key] = try fault.array()
    let error = #expect(throws: FlywheelError.self) { try load(arrays) }
    #expect(error?.code == fault.code)
    #expect(error?.message.contains(fault.words) == true, "\(error?.message ?? "")")
    #expect(error?.location.path == "/data.npz")
    #expect(error?.location.tensor == fault.tensor)
  }

  @Test func `of unknown names those that are there and those that are read are said`() throws {
    let arrays = try Self.arrays(["a", "b", "c", "d"])
    let error = #expect(throws: FlywheelError.self) { try load(arrays) }
    #expect(error?.code == .notFound)
    #expect(error?.message.contains("the archive holds a, b, c, d.") == true)
    #expect(error?.message.contains("x_train, y_train, x_test, y_test, or train_images") == true)
    let empty = #expect(throws: FlywheelError.self) { try load([:]) }
    #expect(empty?.message.contains("the archive is empty") == true)
  }
}
