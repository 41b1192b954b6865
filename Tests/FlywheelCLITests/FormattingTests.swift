import Testing

@testable import FlywheelCLI

@Suite("Numbers for people")
struct FormattingTests {
  @Test(
    "A number has the decimals asked for, rounded",
    arguments: [
      (0.12345, 4, "0.1235"), (0, 2, "0.00"), (1, 0, "1"), (-0.004, 2, "0.00"), (-1.5, 1, "-1.5"),
      (999.999, 2, "1000.00"), (0.05, 3, "0.050"), (.nan, 2, "nan"), (.infinity, 2, "inf"),
      (1e300, 2, "1e+300"), (9e14, 6, "900000000000000.0"),
    ] as [(Double, Int, String)]
  )
  func fixed(_ value: Double, _ decimals: Int, _ text: String) {
    #expect(Formatting.fixed(value, decimals) == text)
  }

  @Test(
    "A number has the significant digits asked for",
    arguments: [
      (0, 4, "0"), (3125, 4, "3125"), (12_345, 4, "1.234e+04"), (-0.015625, 4, "-0.01562"),
      (-1.23456e-5, 4, "-1.235e-05"), (0.5, 4, "0.5"), (1_200_000, 2, "1.2e+06"),
      (.infinity, 4, "inf"), (1e308, 4, "1e+308"),
    ] as [(Double, Int32, String)]
  )
  func significant(_ value: Double, _ digits: Int32, _ text: String) {
    #expect(Formatting.significant(value, digits) == text)
  }

  @Test(
    "Thousands are separated",
    arguments: [
      (0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345"),
      (.max, "9,223,372,036,854,775,807"), (.min, "-9,223,372,036,854,775,808"),
    ] as [(Int, String)]
  )
  func grouped(_ value: Int, _ text: String) {
    #expect(Formatting.grouped(value) == text)
  }

  @Test(
    "Bytes have the unit that fits",
    arguments: [
      (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (313_600, "313.6 kB"),
      (199_200_000, "199.2 MB"), (1_690_000_000, "1.69 GB"),
    ] as [(Int, String)]
  )
  func bytes(_ count: Int, _ text: String) {
    #expect(Formatting.bytes(count) == text)
  }

  @Test(
    "Times to go are rounded up to what one waits for",
    arguments: [
      (0, "0 s"), (0.2, "1 s"), (59.5, "1 min 00 s"), (125, "2 min 05 s"), (3725, "1 h 02 min"),
      (.nan, "…"), (.infinity, "…"), (1e9, "…"),
    ] as [(Double, String)]
  )
  func duration(_ seconds: Double, _ text: String) {
    #expect(Formatting.duration(seconds) == text)
  }

  @Test(
    "Names stay on their line, and are cut in their middle if they are longer than two hundred characters"
  )
  func names() {
    #expect(Formatting.name("layers.0.weight") == "layers.0.weight")
    #expect(Formatting.name("w\nfake  float32") == "w\\nfake  float32")
    #expect(Formatting.name("w\r\nfake") == "w\r\\nfake")
    let long = Formatting.name("a" + String(repeating: "b", count: 10_000) + "c")
    #expect(long.count == 200 && long.first == "a" && long.last == "c" && long.contains("…"))
  }
}
