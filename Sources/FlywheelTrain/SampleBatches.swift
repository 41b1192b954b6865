import CFlywheelKernels
import FlywheelCheckpoint
import FlywheelCore

/// Labelled samples in the order of an epoch, handed to the network batch by batch.
///
/// Bytes stay bytes until the moment they are used: a quarter of the memory traffic of floats.
struct SampleBatches<Scalar: TrainingScalar> {
  private let samples: LabelledSamples
  private let featureCount: Int
  /// What a byte becomes: itself times `factor`, plus `offset`.
  private let factor: Scalar
  private let offset: Scalar
  private var order: [UInt32]
  private var orderedLabels: [UInt16]

  /// The samples in the order they are stored.
  ///
  /// - Parameters:
  ///   - samples: The samples: bytes, or normalised `Scalar`s.
  ///   - normalization: What becomes of bytes.
  init(_ samples: LabelledSamples, _ normalization: Normalization) {
    precondition([.uint8, Scalar.dtype].contains(samples.values.dtype), "samples of another type")
    self.samples = samples
    featureCount = samples.featureCount
    factor = Scalar(normalization.scale / normalization.deviation)
    offset = Scalar(-normalization.mean / normalization.deviation)
    order = (0..<UInt32(truncatingIfNeeded: samples.count)).map { $0 }
    orderedLabels = samples.labels
  }

  var count: Int { samples.count }

  /// Puts the samples in another order.
  ///
  /// - Parameter order: Every index once.
  mutating func reorder(_ order: [UInt32]) {
    precondition(order.count == samples.count, "an order names every sample once")
    self.order = order
    orderedLabels = order.map { samples.labels[Int($0)] }
  }

  /// Writes the samples of a range of the order into rows.
  func gather(_ range: Range<Int>, into rows: PaddedMatrix<Scalar>) {
    precondition(range.count <= rows.rows && featureCount == rows.columns)
    unsafe samples.values.bytes.withUnsafeBytes { values in
      unsafe order[range].withUnsafeBufferPointer { order in
        guard let values = values.baseAddress, let first = order.baseAddress else { return }
        if samples.values.dtype == .uint8 {
          unsafe Scalar.kernels.gatherBytes(
            values.assumingMemoryBound(to: UInt8.self),
            featureCount,
            first,
            range.count,
            factor,
            offset,
            rows.base,
            rows.stride
          )
        } else {
          unsafe Scalar.kernels.gatherRows(
            values.assumingMemoryBound(to: Scalar.self),
            featureCount,
            first,
            range.count,
            rows.base,
            rows.stride
          )
        }
      }
    }
  }

  /// Turns the logits of a range of the order into deltas of the mean loss.
  ///
  /// - Returns: The summed loss and the number of samples classified right.
  func loss(_ loss: Loss, _ range: Range<Int>, logits: PaddedMatrix<Scalar>) -> (Double, Int) {
    precondition(range.count <= logits.rows && samples.classCount <= logits.columns)
    return unsafe orderedLabels[range].withUnsafeBufferPointer { labels in
      guard let first = labels.baseAddress else { return (0, 0) }
      return unsafe Scalar.kernels.loss(
        loss,
        logits.base,
        logits.stride,
        first,
        range.count,
        logits.columns,
        1 / Scalar(range.count)
      )
    }
  }
}
