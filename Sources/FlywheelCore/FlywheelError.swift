public import SystemPackage

/// The one error that Flywheel throws: what was found, what was expected, what to do, and where.
///
/// Call sites use the factories in `FlywheelError+*.swift`, so that the same fault is worded the same
/// way everywhere.
public struct FlywheelError: Error, Sendable, Hashable {
  /// What kind of fault it is; scripts and tests branch on it.
  public var code: Code
  /// One or two sentences for a person: found, expected, remedy.
  public var message: String
  /// The file, tensor and byte that the fault was found at, as far as they are known.
  public var location: Location
  /// What the system or a library said, when the fault came from there.
  public var cause: Cause?

  /// Creates an error.
  public init(
    _ code: Code,
    _ message: String,
    at location: Location = Location(),
    cause: Cause? = nil
  ) {
    self.code = code
    self.message = message
    self.location = location
    self.cause = cause
  }

  /// The kinds of fault.
  public enum Code: String, Sendable, CaseIterable {
    /// The bytes are not what their format says they must be.
    case malformed
    /// The bytes end before they should.
    case truncated
    /// A checksum does not match: the bytes have changed since they were written.
    case corrupted
    /// Well formed, but something this version does not read or do.
    case unsupported
    /// It would need more memory, depth or count than the input can justify.
    case limitExceeded = "limit_exceeded"
    /// A file, tensor, member or setting that should be there is not.
    case notFound = "not_found"
    /// Something is already there and would be overwritten.
    case alreadyExists = "already_exists"
    /// A value given by the user is outside what makes sense.
    case invalidArgument = "invalid_argument"
    /// Two things that must agree (shapes, dtypes, a checkpoint and its data) do not.
    case mismatch
    /// The disk has no room for what is to be written.
    case noSpace = "no_space"
    /// The operating system refused.
    case inputOutput = "input_output"
    /// Another process holds what this one needs.
    case busy
    /// A library below (libhdf5, zlib) failed; its own account is the cause.
    case libraryFailure = "library_failure"
    /// Training left the numbers that can be computed with: the loss is not finite.
    case diverged
  }

  /// Where a fault was found.
  public struct Location: Sendable, Hashable {
    /// The file.
    public var path: FilePath?
    /// The tensor, dataset or member within the file.
    public var tensor: String?
    /// The byte offset, counted from the start of the file or of the bytes at hand.
    public var byteOffset: UInt64?

    /// Creates a location; leave out what is not known.
    public init(path: FilePath? = nil, tensor: String? = nil, byteOffset: UInt64? = nil) {
      self.path = path
      self.tensor = tensor
      self.byteOffset = byteOffset
    }
  }

  /// What a layer below said.
  public enum Cause: Sendable, Hashable {
    /// The operating system's error number.
    case errno(Errno)
    /// libhdf5's error stack, outermost frame first.
    case hdf5Stack([String])
    /// A library's own words.
    case library(String)
  }

  /// The same error with the location completed by what the caller knows; what was known is kept.
  public func located(path: FilePath? = nil, tensor: String? = nil) -> FlywheelError {
    var error = self
    error.location.path = location.path ?? path
    error.location.tensor = location.tensor ?? tensor
    return error
  }

  /// The same error at an offset in the file, if it has none of its own.
  package func located(byteOffset: Int) -> FlywheelError {
    var error = self
    error.location.byteOffset = location.byteOffset ?? UInt64(byteOffset)
    return error
  }

  /// Runs `body`, and completes the location of what it throws by what the caller knows.
  package static func locating<Value: ~Copyable>(
    path: FilePath? = nil,
    tensor: @autoclosure () -> String? = nil,
    _ body: () throws(FlywheelError) -> Value
  ) throws(FlywheelError) -> Value {
    do throws(FlywheelError) {
      return try body()
    } catch {
      throw error.located(path: path, tensor: tensor())
    }
  }
}

extension FlywheelError: CustomStringConvertible {
  /// A name from a file as a message can show it: it may have any length, and any characters.
  package static func oneLine(_ name: String) -> String {
    let shown = name.unicodeScalars.prefix(201).map { $0 == "\n" ? "\\n" : String($0) }
    return shown.prefix(200).joined() + (shown.count > 200 ? "…" : "")
  }

  /// The message, then the location, then the cause, ready to print after "error: ".
  public var description: String {
    var text = message
    var places: [String] = []
    if let tensor = location.tensor { places.append("tensor '\(Self.oneLine(tensor))'") }
    if let offset = location.byteOffset { places.append("byte \(offset)") }
    if let path = location.path { places.append(path.string) }
    if !places.isEmpty { text += " [\(places.joined(separator: ", "))]" }
    switch cause {
    case .errno(let number): text += "\n  caused by: \(number) (errno \(number.rawValue))"
    case .hdf5Stack(let frames):
      text += "\n  caused by libhdf5:" + frames.map { "\n    \($0)" }.joined()
    case .library(let words): text += "\n  caused by: \(words)"
    case nil: break
    }
    return text
  }
}
