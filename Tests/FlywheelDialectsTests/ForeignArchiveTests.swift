import FlywheelCheckpoint
import FlywheelCore
import FlywheelDialects
import FlywheelOptim
import OrderedCollections
import Testing

@Suite("Archives of real frameworks")
struct ForeignArchiveTests {
  @Test("There are some")
  func some() { #expect(ForeignArchive.all.count > 25) }

  @Test(
    "Each is recognised, with the rule that wrote it among those that may have",
    arguments: ForeignArchive.all
  )
  func recognised(_ archive: ForeignArchive) throws {
    let reading = try Dialect.recognise(archive.arrays)
    #expect(reading.dialect.name == archive.dialect)
    #expect(reading.rules.contains(archive.rule))
    #expect(!reading.hasOtherSeparators)
    let told = try Dialect.recognise(archive.arrays, rule: archive.rule)
    #expect(told.rules == [archive.rule])
    let rule = try UpdateRule.named(archive.rule)
    let names = Set(rule.hyperparameters.map(\.name))
    let known = Hyperparameters(archive.hyperparameters.values.filter { names.contains($0.key) })
    #expect(Set(told.slots.keys) == Set(rule.slotNames(try rule.completed(known))))
    for buffers in told.slots.values { #expect(buffers.keys == told.parameters.keys) }
    #expect(Array(told.parameters.keys) == Array(Examples.shapes.keys))
    #expect(told.parameters.values.map(\.shape.extents) == Array(Examples.shapes.values))
  }

  @Test("What is expressed has the same names, types and shapes", arguments: ForeignArchive.all)
  func expressed(_ archive: ForeignArchive) throws {
    guard !archive.isByName else { return }
    let dtype = try #require(archive.arrays.values.last { $0.shape.rank > 0 }?.element.dtype)
    let checkpoint = try Examples.checkpoint(archive.rule, archive.hyperparameters, dtype: dtype)
    let layout = try Dialect.named(archive.dialect).express(checkpoint)
    let found = Examples.descriptions(try Examples.stored(checkpoint, layout))
    #expect(Set(found.keys) == Set(archive.arrays.keys))
    for (key, array) in found {
      #expect(array.shape == archive.arrays[key]?.shape, "\(key)")
      #expect(array.element == archive.arrays[key]?.element, "\(key)")
    }
  }
}
