import FlywheelCore
import Testing

@testable import FlywheelKeras

@Suite("A model's configuration")
struct KerasModelTests {
  @Test(
    "Keras spells classes in paths as it does in Python",
    arguments: zip(
      [
        "Dense", "BatchNormalization", "Conv2D", "Conv2DTranspose", "LSTM", "PReLU", "ReLU",
        "TFSMLayer",
      ],
      [
        "dense", "batch_normalization", "conv2d", "conv2d_transpose", "lstm", "p_re_lu", "re_lu",
        "tfsm_layer",
      ]
    )
  )
  func words(className: String, word: String) throws {
    let layer: JSONValue = ["class_name": JSONValue(className), "config": [:]]
    let model = KerasModel(configuration: [
      "class_name": "Sequential", "config": ["layers": [layer]],
    ])
    #expect(model.layers.map(\.word) == [word])
  }
}
