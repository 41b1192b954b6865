internal import FlywheelCore

/// The filters that chunks go through when they are written, in this order.
///
/// Format specification, section IV.A.2.l.
struct FilterPipeline: Sendable, Hashable {
  /// The filters.
  let filters: [PipelineFilter]

  /// The most filters that there are, since a chunk has one bit for each.
  static let filterLimit = 32

  /// Takes filters.
  init(filters: [PipelineFilter] = []) {
    self.filters = filters
  }

  /// Reads a message.
  ///
  /// - Parameters:
  ///   - content: What it says.
  ///   - image: The file.
  /// - Throws: `malformed` or `truncated` if it is no pipeline, `unsupported` for a newer version.
  init(_ content: borrowing StoredBytes, in image: borrowing FileImage) throws(FlywheelError) {
    var fields = FieldReader(content, in: image)
    let version = try fields.version(1...2, of: "a filter pipeline")
    let place = fields.place
    let count = Int(try fields.uint8("the number of filters"))
    guard count <= Self.filterLimit else {
      throw fields.malformed(
        "\(count) filters",
        expected: "at most \(Self.filterLimit)",
        at: place
      )
    }
    if version == 1 { try fields.skip(6, "a filter pipeline's padding") }
    var filters: [PipelineFilter] = []
    filters.reserveCapacity(count)
    for _ in 0..<count { filters.append(try PipelineFilter(&fields, version: version)) }
    self.filters = filters
  }
}
