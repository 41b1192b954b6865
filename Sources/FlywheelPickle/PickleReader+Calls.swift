import FlywheelCore

/// Names, calls, objects and their states: held against the allow-list, and only noted.
extension PickleReader {
  /// Modules that Python 3 renamed, as far as pickles of tensors name them.
  private static let renamedModules = ["__builtin__": "builtins", "copy_reg": "copyreg"]

  @_lifetime(self: copy self)
  mutating func pushGlobal(module: String, name: String) throws(FlywheelError) {
    let global = PickleGlobal(module: Self.renamedModules[module] ?? module, name: name)
    guard allowList.globals[global] != nil else {
      throw FlywheelError(
        .unsupported,
        "The pickle names \(printable(global.description)), which is not among what Flywheel knows of such "
          + "files. Nothing was executed. If it is harmless, save the file without it.",
        at: location(opcodeOffset)
      )
    }
    let place = globalPlaces[global] ?? UInt32(arena.globals.count)
    if Int(place) == arena.globals.count {
      arena.globals.append(global)
      globalPlaces[global] = place
    }
    push(.global(place))
  }

  @_lifetime(self: copy self)
  mutating func readStackGlobal() throws(FlywheelError) {
    let name = try pop()
    let module = try pop()
    guard case .text(let namePlace) = arena[name].content,
      case .text(let modulePlace) = arena[module].content
    else {
      throw malformed(
        found: "a global named by \(self.name(of: module)) and \(self.name(of: name))",
        expected: "two texts"
      )
    }
    let moduleText = arena.texts[Int(modulePlace)]
    try pushGlobal(module: moduleText, name: arena.texts[Int(namePlace)])
  }

  @_lifetime(self: copy self)
  mutating func call() throws(FlywheelError) {
    let (place, uses, arguments) = try takeCallable("called")
    guard case .tuple(let run) = arena[arguments].content else {
      throw malformed(found: "\(name(of: arguments)) as arguments", expected: "a tuple")
    }
    if uses.contains(.mapping), run.count == 0 { return pushDictionary(type: place) }
    guard uses.contains(.called) else { throw notAllowed(place, to: "be called") }
    push(.call(place, arguments: arguments))
  }

  @_lifetime(self: copy self)
  mutating func makeObject() throws(FlywheelError) {
    let (place, uses, arguments) = try takeCallable("instantiated")
    guard case .tuple = arena[arguments].content else {
      throw malformed(found: "\(name(of: arguments)) as arguments", expected: "a tuple")
    }
    guard uses.contains(.instantiated) else { throw notAllowed(place, to: "be instantiated") }
    push(.object(place, arguments: arguments))
  }

  /// Takes arguments and the global below them.
  @_lifetime(self: copy self)
  mutating func takeCallable(
    _ deed: String
  ) throws(FlywheelError) -> (place: UInt32, uses: PickleAllowList.Uses, arguments: Reference) {
    let arguments = try pop()
    let callable = try pop()
    guard case .global(let place) = arena[callable].content else {
      throw FlywheelError(
        .unsupported,
        "The pickle has \(name(of: callable)) \(deed); Flywheel knows only what is named. Nothing was executed.",
        at: location(opcodeOffset)
      )
    }
    return (place, uses(of: place), arguments)
  }

  @_lifetime(self: copy self)
  mutating func build() throws(FlywheelError) {
    let state = try pop()
    let target = try target(below: stack.count)
    let place: UInt32
    switch arena[target].content {
    case .call(let callable, _): place = callable
    case .object(let type, _): place = type
    case .dictionary(_, let type) where type != PickleArena.noGlobal: place = type
    default:
      throw FlywheelError(
        .unsupported,
        "The pickle gives a state to \(name(of: target)), which has none. Nothing was executed.",
        at: location(opcodeOffset)
      )
    }
    guard uses(of: place).contains(.built) else { throw notAllowed(place, to: "be given a state") }
    guard arena.states.updateValue(state, forKey: target) == nil else {
      throw malformed(found: "a second state of one object", expected: "one")
    }
  }

  func uses(of place: UInt32) -> PickleAllowList.Uses {
    allowList.globals[arena.globals[Int(place)]] ?? []
  }
}
