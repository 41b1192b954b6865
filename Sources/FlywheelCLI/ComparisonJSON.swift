import FlywheelCheckpoint
import FlywheelConvert
import FlywheelCore
import FlywheelDialects
import FlywheelDiff
import FlywheelOptim
import OrderedCollections
import SystemPackage

/// A comparison as JSON: an instance of `schemas/diff.schema.json`.
enum ComparisonJSON {
  static func value(of paths: PathComparison, _ options: ComparisonOptions) -> JSONValue {
    let comparison = paths.comparison
    return [
      "first": side(comparison.first),
      "second": side(comparison.second),
      "same": JSONValue(paths.isSame),
      "partners_by": JSONValue(comparison.pairing.rawValue),
      "allowed": allowed(options),
      "tensors": .array(comparison.tensors.map(value)),
      "settings": .array(comparison.settings.map(value)),
      "conversions": .array(comparison.translations.map(value)),
      "divergence": paths.divergence.map(DivergenceJSON.value) ?? .null,
      "notes": .array(comparison.notes.map { JSONValue($0) }),
    ]
  }

  private static func side(_ side: DiffInput) -> JSONValue {
    let optimizer = side.checkpoint?.optimizer
    return [
      "file": JSONValue(side.path.string),
      "kind": JSONValue(side.kind.rawValue),
      "dialect": optional(side.dialect?.name),
      "recognised": JSONValue(side.isRecognised),
      "rule": optional(optimizer?.rule),
      "step": side.knowsStep ? optional(optimizer?.step) : .null,
    ]
  }

  private static func allowed(_ options: ComparisonOptions) -> JSONValue {
    let tolerances = options.tolerances
    return [
      "standard": "torch.testing",
      "nan_equals_nan": JSONValue(
        tolerances.common.equatesNaN ?? !tolerances.common.isExact
      ),
      "zero_equals_negative_zero": JSONValue(!tolerances.common.isExact),
      "ignores_dtype": JSONValue(options.ignoresDType),
      "common": value(of: tolerances.common),
      "overrides": .array(
        tolerances.overrides.map { override in
          guard case .object(var members) = value(of: override.change) else { return .null }
          members["pattern"] = JSONValue(override.pattern.text)
          return .object(members)
        }
      ),
    ]
  }

  private static func value(of change: Tolerances.Change) -> JSONValue {
    [
      "rtol": optional(change.relative),
      "atol": optional(change.absolute),
      "ulp": optional(change.ulps),
      "exact": JSONValue(change.isExact),
    ]
  }

  // MARK: Arrays

  private static func value(of comparison: TensorComparison) -> JSONValue {
    [
      "name": JSONValue(comparison.name),
      "verdict": JSONValue(comparison.verdict.rawValue),
      "same": JSONValue(comparison.verdict.isSame),
      "reason": optional(comparison.reason),
      "first": comparison.first.map(value) ?? .null,
      "second": comparison.second.map(value) ?? .null,
      "allowed": comparison.tolerance.map { tolerance in
        [
          "rtol": JSONValue(tolerance.relative), "atol": JSONValue(tolerance.absolute),
          "ulp": optional(tolerance.ulps), "exact": JSONValue(tolerance.isExact),
          "nan_equals_nan": JSONValue(tolerance.equatesNaN),
        ]
      } ?? .null,
      "difference": comparison.difference.map { value(of: $0, comparison) } ?? .null,
    ]
  }

  private static func value(of tensor: DiffTensor) -> JSONValue {
    [
      "name": JSONValue(tensor.name),
      "key": optional(tensor.key),
      "type": optional(tensor.description.map { "\($0.element)" }),
      "shape": tensor.description.map { .array($0.shape.extents.map { JSONValue($0) }) } ?? .null,
      "changes": .array(tensor.changes.map { JSONValue($0) }),
    ]
  }

  private static func value(
    of difference: TensorDifference,
    _ comparison: TensorComparison
  ) -> JSONValue {
    let shape = comparison.first?.description?.shape
    func extreme(_ extreme: TensorDifference.Extreme?) -> JSONValue {
      guard let extreme else { return .null }
      return [
        "value": JSONValue(extreme.value),
        "at": .array((shape?.position(of: extreme.index) ?? []).map { JSONValue($0) }),
      ]
    }
    func sides(_ sides: TensorDifference.Sides) -> JSONValue {
      .array([JSONValue(sides.first), JSONValue(sides.second)])
    }
    return [
      "count": JSONValue(difference.count),
      "differing": JSONValue(difference.differingCount),
      "bits_differing": JSONValue(difference.bitDifferingCount),
      "beyond_tolerance": JSONValue(difference.outsideCount),
      "max_absolute": extreme(difference.largestAbsolute),
      "max_relative": extreme(difference.largestRelative),
      "max_ulp": extreme(difference.largestULP),
      "elements_at_max_absolute": comparison.worstElements.map {
        .array([JSONValue($0.first), JSONValue($0.second)])
      } ?? .null,
      "times_allowed": optional(comparison.excess),
      "rms": JSONValue(difference.rootMeanSquare),
      "cosine": optional(difference.cosine),
      "nan": sides(difference.nanCounts),
      "infinity": sides(difference.infinityCounts),
    ]
  }

  // MARK: Numbers

  static func value(of setting: SettingComparison) -> JSONValue {
    [
      "section": JSONValue(setting.section),
      "name": JSONValue(setting.name),
      "parameters": .array(setting.parameters.map { JSONValue($0) }),
      "first": setting.first ?? .null,
      "second": setting.second ?? .null,
      "second_converted": setting.converted ?? .null,
      "verdict": JSONValue(setting.verdict.rawValue),
    ]
  }

  private static func value(of translation: StateTranslation) -> JSONValue {
    [
      "parameters": .array(translation.parameters.map { JSONValue($0) }),
      "same_rule": JSONValue(translation.isSameRule),
      "verdict": optional(translation.conversion?.verdict.kind),
      "explanation": optional(
        translation.conversion.map { "\($0.verdict)" } ?? translation.obstacle
      ),
      "buffers": .array(
        (translation.conversion?.buffers ?? []).map { buffer in
          [
            "slot": JSONValue(buffer.slot),
            "source": optional(buffer.source),
            "scale": JSONValue(buffer.map.scale),
            "weight_share": JSONValue(buffer.map.weightShare),
            "constant": JSONValue(buffer.constant),
          ]
        }
      ),
    ]
  }

  // MARK: What may be missing

  private static func optional(_ text: String?) -> JSONValue { text.map { JSONValue($0) } ?? .null }
  private static func optional(_ number: Int?) -> JSONValue {
    number.map { JSONValue($0) } ?? .null
  }
  private static func optional(_ number: UInt64?) -> JSONValue {
    number.map { JSONValue($0) } ?? .null
  }
  private static func optional(_ number: Double?) -> JSONValue {
    number.map { JSONValue($0) } ?? .null
  }
}
