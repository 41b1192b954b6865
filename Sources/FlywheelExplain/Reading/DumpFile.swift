import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelFormats
import FlywheelOptim
import OrderedCollections
import SystemPackage

/// A file of a dump, and the numbers in it.
struct DumpFile {
  let reader: any ArchiveReader
  /// The arrays of floating-point numbers.
  var arrays: OrderedDictionary<String, TensorDescription> = [:]
  /// Arrays of one number or of one per step that say something of the training.
  var numbers: OrderedDictionary<String, TensorDescription> = [:]
  /// What else is there.
  var others: [String] = []
  /// How an optimizer's state was matched to parameters, as a sentence; nil if names in keys tell.
  private(set) var matching: String?
  /// The numbers of the next step as the file's metadata says them; nil if it does not, or not for all
  /// parameters alike.
  private(set) var settings: Hyperparameters?
  /// The keys in the file of arrays that got other names.
  private var keys: [String: String] = [:]

  /// Opens a file.
  init(_ path: FilePath) throws(FlywheelError) {
    reader = try FileFormat.open(path)
    for member in try reader.members() where !DumpWords.isOther(member.key) {
      guard case .array(let found) = member.content else {
        others.append(member.key)
        continue
      }
      // numpy has no bfloat16: what ml_dtypes saves are bytes of no type.
      let array =
        found.element.isBytes(of: .bfloat16)
        ? try TensorDescription(element: .number(.bfloat16), shape: found.shape) : found
      guard let dtype = array.element.dtype,
        [.floatingPoint, .signedInteger, .unsignedInteger].contains(dtype.kind)
      else {
        others.append(member.key)
        continue
      }
      if let number = DumpNumber(member.key), number.fits(array.shape) {
        numbers[member.key] = array
      } else if dtype.isFloatingPoint, array.shape.elementCount > 0 {
        arrays[member.key] = array
      } else {
        others.append(member.key)
      }
    }
  }

  /// Takes what a framework's own checkpoint says of its optimizer, and gives its buffers the names of their
  /// parameters, where the file says whose they are: PyTorch only numbers them.
  mutating func understandOptimizer() throws(FlywheelError) {
    let metadata = try reader.metadata()
    let facts = ArrayFacts(origin: reader.origin)
    guard let names = try? UnderstoodNames(arrays, metadata, facts: facts), let found = names.found
    else { return }
    if found.groups.count == 1, found.obstacles.isEmpty {
      settings = found.groups.first?.hyperparameters
    }
    for (slot, places) in names.reading.slots {
      for (parameter, place) in places {
        guard let owner = names.reading.parameters[parameter]?.place.key,
          let index = arrays.index(forKey: place.key)
        else { continue }
        let name = "\(owner).\(slot)"
        guard arrays[name] == nil else { continue }
        arrays[name] = arrays.remove(at: index).value
        keys[name] = place.key
      }
    }
    matching = names.matching
  }

  /// Reads an array.
  func tensor(_ key: String) throws(FlywheelError) -> Tensor {
    try FlywheelError.locating(path: reader.path, tensor: key) { () throws(FlywheelError) in
      let own = keys[key] ?? key
      if let array = arrays[key] { return try reader.tensor(own, as: array) }
      guard let tensor = try reader.tensor(own) else {
        throw FlywheelError(.notFound, "There is no such array.")
      }
      return tensor
    }
  }

  /// Reads an array of few numbers.
  func values(_ key: String) throws(FlywheelError) -> [Double] {
    guard let array = numbers[key], array.shape.elementCount <= 1 << 20 else { return [] }
    let values: [Double] = try tensor(key).converted(to: .float64).elements()
    // A learning rate of 0.05 in 32 bits is what somebody typed, not the number next to it.
    guard array.element.dtype == .float32 else { return values }
    return values.map { Double(Float($0).description) ?? $0 }
  }
}
