internal import FlywheelCore

/// A filter that chunks go through.
///
/// Format specification, section IV.A.2.l.
struct PipelineFilter: Sendable, Hashable {
  /// The number in the registry of the HDF Group.
  let id: Int
  /// The name, if the file tells it.
  let name: String?
  /// Whether a chunk that it fails on is written without it.
  let isOptional: Bool
  /// What it was set to.
  let values: [UInt32]

  /// Makes a filter of what it says.
  init(id: Int, name: String? = nil, isOptional: Bool = false, values: [UInt32] = []) {
    self.id = id
    self.name = name
    self.isOptional = isOptional
    self.values = values
  }

  /// Reads the next filter of a pipeline.
  ///
  /// - Parameters:
  ///   - fields: Where it is.
  ///   - version: The version of the pipeline.
  /// - Throws: `truncated`.
  init(_ fields: inout FieldReader, version: UInt8) throws(FlywheelError) {
    id = Int(try fields.uint16("a filter's number"))
    let firstWithName = 256
    let hasName = version == 1 || id >= firstWithName
    let nameSize = hasName ? Int(try fields.uint16("the size of a filter's name")) : 0
    isOptional = try fields.uint16("a filter's flags") & 0x01 != 0
    let count = Int(try fields.uint16("the number of a filter's values"))
    let shownName = try fields.shownText(nameSize, "a filter's name")
    name = shownName.isEmpty ? nil : shownName
    if version == 1 { try fields.skip(-nameSize & 7, "a filter's padding") }
    var values: [UInt32] = []
    for _ in 0..<count { values.append(try fields.uint32("a filter's value")) }
    self.values = values
    if version == 1 && !count.isMultiple(of: 2) { try fields.skip(4, "a filter's padding") }
  }
}
