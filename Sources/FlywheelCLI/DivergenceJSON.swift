import FlywheelCore
import FlywheelDiff

/// Where two trainings part as JSON: the member `divergence` of `schemas/diff.schema.json`.
enum DivergenceJSON {
  static func value(of divergence: Divergence) -> JSONValue {
    [
      "source": JSONValue(divergence.source.rawValue),
      "same": JSONValue(divergence.isWithin),
      "steps": list(divergence.steps),
      "only_first": list(divergence.unpairedSteps.first),
      "only_second": list(divergence.unpairedSteps.second),
      "parting": divergence.parting.map { value(of: $0, divergence) } ?? .null,
      "first_difference": divergence.firstDifference.map { value(of: $0, divergence) } ?? .null,
      "tensors": .array(divergence.tensors.map(value)),
      "unpaired": .array(
        divergence.unpaired.map { gap in
          [
            "name": JSONValue(gap.name), "verdict": JSONValue(gap.verdict.rawValue),
            "steps": JSONValue(gap.count),
          ]
        }
      ),
      "settings": .array(
        divergence.settings.map { found in
          ["step": JSONValue(found.step), "setting": ComparisonJSON.value(of: found.setting)]
        }
      ),
      "sentences": .array(divergence.sentences.map { JSONValue($0) }),
    ]
  }

  private static func list(_ steps: [Int]) -> JSONValue { .array(steps.map { JSONValue($0) }) }

  private static func value(of parting: Divergence.Parting, _ divergence: Divergence) -> JSONValue {
    let names = divergence.tensors.filter { parting.tensors.contains($0.role) }.map(\.name)
    return [
      "step": JSONValue(parting.step),
      "tensors": .array(names.map { JSONValue($0) }),
      "cause": parting.cause.map { JSONValue($0.rawValue) } ?? .null,
    ]
  }

  private static func value(of tensor: TensorDivergence) -> JSONValue {
    [
      "name": JSONValue(tensor.name),
      "first_difference": step(tensor.firstDifference),
      "departure": step(tensor.departure),
      "growth": tensor.growth.map { growth in
        [
          "factor": JSONValue(growth.factor), "from": JSONValue(growth.steps.lowerBound),
          "to": JSONValue(growth.steps.upperBound),
        ]
      } ?? .null,
      "points": .array(
        tensor.points.map { point in
          [
            "step": JSONValue(point.step),
            "differing": JSONValue(point.difference.differingCount),
            "beyond_tolerance": JSONValue(point.difference.outsideCount),
            "max_absolute": point.difference.largestAbsolute.map { JSONValue($0.value) } ?? .null,
            "rms": JSONValue(point.difference.rootMeanSquare),
          ]
        }
      ),
    ]
  }

  private static func step(_ step: Int?) -> JSONValue { step.map { JSONValue($0) } ?? .null }
}
