public import FlywheelCore

/// Scalars over steps as TensorBoard reads them: the bytes of one event file.
///
/// A file is records in TensorFlow's framing, each an `Event` message; the first names the format's
/// version. Values are `simple_value`, the form that every reader of event files knows: 32-bit floats,
/// which is also all that TensorBoard shows. Equal scalars give equal bytes.
public struct EventFile: Sendable {
  private var records = RecordWriter()

  /// The name of a run's event file.
  ///
  /// TensorBoard takes each file in a run's directory whose name contains `tfevents`; one fixed name
  /// means that writing anew replaces, and never doubles, points.
  public static let name = "events.out.tfevents.flywheel"

  // The numbers of the fields, from TensorFlow's event.proto and summary.proto.
  private enum Field {
    static let wallTime = 1
    static let step = 2
    static let fileVersion = 3
    static let summary = 5
    static let sourceMetadata = 10
    static let writer = 1
    static let value = 1
    static let tag = 1
    static let simpleValue = 2
  }

  /// Starts a file.
  ///
  /// - Parameters:
  ///   - time: When it begins, in seconds since 1970.
  ///   - writer: Which program writes it.
  public init(time: Double, writer: String = Flywheel.writer) {
    var source = ProtobufWriter()
    source.bytes(Field.writer, writer.utf8)
    var event = ProtobufWriter()
    event.double(Field.wallTime, time)
    event.bytes(Field.fileVersion, "brain.Event:2".utf8)
    event.bytes(Field.sourceMetadata, source.bytes)
    records.append(event.bytes)
  }

  /// Appends the scalars of one step.
  ///
  /// - Parameters:
  ///   - scalars: Values under their tags; TensorBoard groups tags by what stands before the slash.
  ///   - step: The step.
  ///   - time: When they were taken, in seconds since 1970.
  public mutating func append(
    _ scalars: some Sequence<(tag: String, value: Double)>,
    step: Int,
    time: Double
  ) {
    var summary = ProtobufWriter()
    for scalar in scalars {
      var value = ProtobufWriter()
      value.bytes(Field.tag, scalar.tag.utf8)
      value.float(Field.simpleValue, Float(scalar.value))
      summary.bytes(Field.value, value.bytes)
    }
    var event = ProtobufWriter()
    event.double(Field.wallTime, time)
    event.integer(Field.step, Int64(step))
    event.bytes(Field.summary, summary.bytes)
    records.append(event.bytes)
  }

  /// All bytes of the file.
  public var bytes: [UInt8] { records.bytes }
}
