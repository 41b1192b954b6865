import FlywheelCore
import OrderedCollections

/// What a saved object is to Python besides its tensors and attributes: the types of its dictionaries, lists and
/// keys, its `None`s, and which tensors are one.
///
/// It goes from file to file as an attribute of the whole, a text of JSON, if flat names do not tell the same.
struct TorchStructure: Sendable, Hashable {
  var object: TorchForm
  /// Tensors that are others, by their keys.
  var ties: OrderedDictionary<String, String>

  /// The key of an object that is one tensor.
  static let tensor = "tensor"
  /// The attribute of an object that is one value.
  static let value = "value"

  private static let (object, ties) = ("object", "ties")
  /// HDF5 has room for attributes of 60,000 bytes, so that longer texts go in several.
  private static let pieceByteCount = 50_000
  /// How deep JSON nests at most: two levels for each dictionary, of which there are at most 100.
  private static let depthLimit = 256

  init(object: TorchForm, ties: OrderedDictionary<String, String> = [:]) {
    self.object = object
    self.ties = ties
  }

  private static func name(_ number: Int) -> String {
    number == 0 ? ArchiveMetadata.torchStructure : "\(ArchiveMetadata.torchStructure).\(number)"
  }

  /// The attributes that say it.
  var attributes: OrderedDictionary<String, AttributeValue> {
    var members: OrderedDictionary<String, JSONValue> = [Self.object: object.json]
    if !ties.isEmpty { members[Self.ties] = .object(ties.mapValues { JSONValue($0) }) }
    let text = String(decoding: JSONValue.object(members).canonicalBytes, as: UTF8.self)
    var pieces: [String.UnicodeScalarView] = []
    var count = 0
    for scalar in text.unicodeScalars {
      let length = UTF8.width(scalar)
      if pieces.isEmpty || count + length > Self.pieceByteCount {
        pieces.append(.init())
        count = 0
      }
      pieces[pieces.count - 1].append(scalar)
      count += length
    }
    return OrderedDictionary(
      uniqueKeysWithValues: pieces.enumerated()
        .map { (Self.name($0.offset), .string(String($0.element))) }
    )
  }

  /// Finds what a file says of the object that it is of; nil if it does not, or not as Flywheel writes it.
  ///
  /// - Parameters:
  ///   - metadata: What the file says.
  ///   - count: How many tensors and attributes it has.
  init?(in metadata: ArchiveMetadata, count: Int) {
    guard let root = metadata.attributes[""] else { return nil }
    var text = ""
    var number = 0
    while case .string(let piece)? = root[Self.name(number)] {
      text += piece
      number += 1
    }
    guard number > 0,
      let json = try? JSONValue(parsing: Array(text.utf8), depthLimit: Self.depthLimit),
      case .object(let members) = json, let object = members[Self.object]
    else { return nil }
    // Only what is None or empty is neither in the text nor in the file.
    let limit = text.utf8.count + 4 * count + (1 << 20)
    var room = limit
    guard let form = TorchForm(object, &room), form.valueCount <= limit else { return nil }
    self.init(object: form)
    if case .object(let found)? = members[Self.ties] {
      for (key, value) in found {
        if case .string(let other) = value { ties[key] = other }
      }
    }
  }
}
