import FlywheelOptim
import Testing

/// What a step's numbers come to, beside steps that are taken.
@Suite("The meaning of steps")
struct NormalFormMeaningTests {
  private static let forms: [(name: String, form: NormalForm)] = [
    ("torch", NormalForm(a: 0.9, b: 1, c: 0.1, p: -0.009, q: -0.01, r: -0.001)),
    ("question", NormalForm(a: 0.9, b: 1, c: 0, p: -0.009, q: -0.01, r: -0.001 / 32)),
    ("nielsen", NormalForm(a: 0.5, b: -0.1, c: -1e-5, p: 0.5, q: -0.1, r: -1e-5)),
    ("nesterov", NormalForm(a: 0.9, b: -0.01, c: -0.001, p: 0.81, q: -0.019, r: -0.0019)),
    ("plain", NormalForm(a: 0, b: 0, c: 0, p: 0, q: -0.1, r: -0.01)),
  ]

  @Test(
    "A weight without gradient loses what is said, once its buffer has settled",
    arguments: forms
  )
  func idle(name: String, form: NormalForm) throws {
    let shrink = try #require(form.idleShrink)
    var (v, w) = (0.0, 1.0)
    for _ in 0..<400 { (v, w) = (form.a * v + form.c * w, w + form.p * v + form.r * w) }
    let next = w + form.p * v + form.r * w
    #expect(abs((w - next) / w - shrink) < 1e-12)
  }

  @Test("Weights come to rest where the penalty holds the gradient", arguments: forms)
  func rest(name: String, form: NormalForm) {
    // The loss (w - 1)²/2 and a penalty of λ/2 w² are least at 1/(1 + λ).
    var (v, w) = (0.0, 0.0)
    for _ in 0..<200_000 {
      let g = w - 1
      (v, w) = (form.a * v + form.b * g + form.c * w, w + form.p * v + form.q * g + form.r * w)
    }
    #expect(abs(w - 1 / (1 + form.penalty)) < 1e-9, "\(w)")
  }

  @Test("The figures of conventions that were measured come out")
  func figures() throws {
    let forms = Dictionary(uniqueKeysWithValues: Self.forms.map { ($0.name, $0.form) })
    let torch = try #require(forms["torch"]?.idleShrink)
    #expect(abs(torch - 0.0111268) < 1e-7)
    #expect(abs(torch / (try #require(forms["question"]?.idleShrink)) - 356) < 0.1)
    #expect(abs((forms["question"]?.penalty ?? 0) - 3.125e-4) < 1e-16)
    let steady = NormalForm(a: 0.9, b: 1, c: 0, p: -0.009, q: -0.01, r: 0).steadyRate
    #expect(abs(steady - 0.1) < 1e-15)
  }

  @Test("A weight whose decay is too strong for its momentum swings")
  func swinging() {
    #expect(NormalForm(a: 0.5, b: 1, c: 5, p: -0.05, q: -0.1, r: -0.5).idleShrink == nil)
  }
}
