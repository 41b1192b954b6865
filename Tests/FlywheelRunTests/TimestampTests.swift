import FlywheelRun
import Testing

@Suite("Timestamps")
struct TimestampTests {
  @Test(
    "A moment is the seconds that Python's datetime counts",
    arguments: [
      ("1970-01-01T00:00:00Z", 0),
      ("2000-02-29T23:59:59Z", 951_868_799),
      ("2026-11-22T16:10:00Z", 1_795_363_800),
      ("1900-03-01T00:00:00Z", -2_203_891_200),
      ("2100-02-28T12:00:00Z", 4_107_499_200),
      ("2100-03-01T00:00:00Z", 4_107_542_400),
      ("9999-12-31T23:59:59Z", 253_402_300_799),
      ("0001-01-01T00:00:00Z", -62_135_596_800),
      ("1969-12-31T23:59:59Z", -1),
    ] as [(String, Int)]
  )
  func seconds(text: String, seconds: Int) {
    #expect(Timestamp.seconds(of: text) == seconds)
  }

  @Test(
    "What is no moment traps nowhere",
    arguments: ["", "Z", "2026-01-02", "::::::", "0000-99-99T99:99:99Z"]
  )
  func nonsense(text: String) {
    _ = Timestamp.seconds(of: text)
  }
}
