import FlywheelCore
import SystemPackage
import Testing

@Suite struct FlywheelErrorTests {
  // MARK: - What a person reads

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var location = FlywheelError.Location()
    var cause: FlywheelError.Cause?
    var text: String
  }

  @Test(arguments: [
    Case(testDescription: "a message alone", text: "Bad bytes."),
    Case(
      testDescription: "a path",
      location: .init(path: "/a/b.h5"),
      text: "Bad bytes. [/a/b.h5]"
    ),
    Case(
      testDescription: "a tensor",
      location: .init(tensor: "model/w"),
      text: "Bad bytes. [tensor 'model/w']"
    ),
    Case(
      testDescription: "the first byte",
      location: .init(byteOffset: 0),
      text: "Bad bytes. [byte 0]"
    ),
    Case(
      testDescription: "all places, from the inside out",
      location: .init(path: "b.h5", tensor: "w", byteOffset: .max),
      text: "Bad bytes. [tensor 'w', byte 18446744073709551615, b.h5]"
    ),
    Case(
      testDescription: "the system's reason",
      cause: .errno(.noSpace),
      text: "Bad bytes.\n  caused by: No space left on device (errno 28)"
    ),
    Case(
      testDescription: "a library's words",
      cause: .library("invalid distance"),
      text: "Bad bytes.\n  caused by: invalid distance"
    ),
    Case(
      testDescription: "libhdf5's stack",
      cause: .hdf5Stack(["H5Fopen: no", "H5FD: none"]),
      text: "Bad bytes.\n  caused by libhdf5:\n    H5Fopen: no\n    H5FD: none"
    ),
    Case(
      testDescription: "place, then cause",
      location: .init(path: "x", byteOffset: 7),
      cause: .library("no"),
      text: "Bad bytes. [byte 7, x]\n  caused by: no"
    ),
  ])
  func `an error reads as message, place and cause`(example: Case) {
    let error = FlywheelError(
      .malformed,
      "Bad bytes.",
      at: example.location,
      cause: example.cause
    )
    #expect(error.description == example.text)
    #expect("\(error as any Error)" == example.text)
  }

  // MARK: - What a script reads

  @Test func `codes keep their names`() {
    #expect(
      FlywheelError.Code.allCases.map(\.rawValue) == [
        "malformed", "truncated", "corrupted", "unsupported", "limit_exceeded", "not_found",
        "already_exists", "invalid_argument", "mismatch", "no_space", "input_output", "busy",
        "library_failure", "diverged",
      ]
    )
  }

  // MARK: - Where

  @Test(
    arguments: [
      (nil, nil, "p", "t", "p", "t"), ("a", nil, "p", "t", "a", "t"),
      (nil, "b", "p", "t", "p", "b"), ("a", "b", "p", "t", "a", "b"),
      ("a", "b", nil, nil, "a", "b"), (nil, nil, nil, nil, nil, nil),
      (nil, nil, "p", nil, "p", nil), (nil, nil, nil, "t", nil, "t"),
    ] as [(FilePath?, String?, FilePath?, String?, FilePath?, String?)]
  )
  func `a caller adds what it knows and changes nothing that was known`(
    path: FilePath?,
    tensor: String?,
    addedPath: FilePath?,
    addedTensor: String?,
    thenPath: FilePath?,
    thenTensor: String?
  ) {
    func error(_ path: FilePath?, _ tensor: String?) -> FlywheelError {
      FlywheelError(
        .corrupted,
        "Bad bytes.",
        at: .init(path: path, tensor: tensor, byteOffset: 3),
        cause: .library("no")
      )
    }
    #expect(
      error(path, tensor).located(path: addedPath, tensor: addedTensor)
        == error(thenPath, thenTensor)
    )
    #expect(throws: error(thenPath, thenTensor)) {
      try FlywheelError.locating(path: addedPath, tensor: addedTensor) { () throws(FlywheelError) in
        throw error(path, tensor)
      }
    }
  }

  // MARK: - The wordings

  @Test func `a missing file is not found, anything else the system refused`() {
    let missing = FlywheelError.system(
      "open",
      to: "open the file",
      path: "x",
      errno: .noSuchFileOrDirectory
    )
    #expect(missing.code == .notFound)
    #expect(missing.message == "No such file or directory; could not open the file.")
    let full = FlywheelError.system("write", to: "save", path: "x", errno: .noSpace)
    #expect(full.code == .inputOutput)
    #expect(full.message == "Could not save: write failed.")
    #expect(full.cause == .errno(.noSpace))
    for error in [missing, full] { #expect(error.location == .init(path: "x")) }
    #expect(FlywheelError.system("x", to: "y", path: nil, errno: .noSpace).location.path == nil)
  }

  @Test func `faults of bytes say what was found and what was expected`() {
    let place = FlywheelError.Location(path: "x", tensor: "t", byteOffset: 5)
    let truncated = FlywheelError.truncated("the header", needed: 8, available: 3, at: place)
    #expect(truncated.code == .truncated)
    #expect(truncated.message.contains("the header needs 8 bytes here, 3 are left"))
    let malformed = FlywheelError.malformed(found: "a cat", expected: "a dog", at: place)
    #expect(malformed.code == .malformed)
    #expect(malformed.message == "Found a cat where a dog was expected.")
    let overflow = FlywheelError.overflow("the table", at: place)
    #expect(overflow.code == .limitExceeded)
    #expect(overflow.message.contains("size of the table"))
    for error in [truncated, malformed, overflow] {
      #expect(error.location == place)
      #expect(error.cause == nil)
    }
  }
}
