import FlywheelCheckpoint
import Testing

@Suite("Checkpoint keys")
struct CheckpointKeyTests {
  @Test(
    "A name is one path component",
    arguments: [
      ("layers.0.weight", "layers.0.weight"),
      ("a/b", "a%2Fb"),
      ("100%", "100%25"),
      ("%2F", "%252F"),
      (".", "%2E"),
      ("..", "%2E%2E"),
      (".a", ".a"),
      ("größe", "größe"),
    ]
  )
  func escaping(_ name: String, _ component: String) {
    #expect(CheckpointKey.component(name) == component)
    #expect(CheckpointKey.name(fromComponent: component) == name)
  }

  @Test(
    "A component that no name is escaped to has no name",
    arguments: ["%", "%2", "%2f", "%41", "a%2E", ".", ".."]
  )
  func noncanonical(_ component: String) {
    #expect(CheckpointKey.name(fromComponent: component) == nil)
  }

  @Test("Names that differ only in slashes do not collide")
  func collisions() {
    #expect(CheckpointKey.parameter("a/b") != CheckpointKey.slot("a", of: "b"))
    #expect(CheckpointKey.slot("v", of: "a/b") == "optimizer/v/a%2Fb")
  }
}
