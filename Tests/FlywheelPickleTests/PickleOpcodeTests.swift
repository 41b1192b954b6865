import FlywheelPickle
import Testing

@Suite("Operations of a pickle")
struct PickleOpcodeTests {
  @Test("There is none that runs code beyond those that name it")
  func dangers() {
    // INST, OBJ, NEWOBJ_EX and the extension registry make objects in other ways; PERSID and INT read text.
    for byte in [0x69, 0x6F, 0x92, 0x82, 0x83, 0x84, 0x50, 0x49] as [UInt8] {
      #expect(PickleOpcode(rawValue: byte) == nil)
    }
    #expect(PickleOpcode.allCases.count == 38)
  }
}
