// Trains the network, saves it behind training, and goes on where it was stopped or killed.
//
//   your-own-trainer RUN STEPS

import FlywheelRun

extension Network {
  /// What belongs to the state, once: the same lines save it and restore it.
  mutating func describe(_ state: inout TrainingState) throws {
    try state.step(&step)
    try state.hyperparameter("learning_rate", &learningRate)
    try state.hyperparameter("momentum", &momentum)
    try state.parameter("inner", &inner, shape: [Self.hidden, 2], axes: ["out", "in"])
    try state.parameter("inner.bias", &innerBias, axes: ["out"])
    try state.parameter("outer", &outer, axes: ["in"])
    try state.slot("velocity", of: "inner", &innerVelocity)
    try state.slot("velocity", of: "inner.bias", &innerBiasVelocity)
    try state.slot("velocity", of: "outer", &outerVelocity)
    try state.random("points", &random, generator: "splitmix64")
  }
}

let path = CommandLine.arguments.dropFirst().first ?? "runs/own"
let steps = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 20_000

let run = try TrainingRun(
  at: path,
  rule: "heavy ball",
  policy: SavePolicy(retention: Retention(last: 2, best: .init(1, by: "loss", .min)))
)
for file in run.skipped { print("skipped \(file.path): \(file.reason)") }

var network = Network(seed: 1)
try run.restore { try network.describe(&$0) }
print("from step \(network.step)")

while network.step < steps {
  let loss = network.train()
  guard network.step % 100 == 0 || network.step == steps else { continue }
  try run.log(step: network.step, ["loss": loss])
  try run.save { try network.describe(&$0) }
}
try run.finish()
print("done: step \(network.step) in \(path)")
