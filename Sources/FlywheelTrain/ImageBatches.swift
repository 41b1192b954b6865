import CFlywheelKernels
import FlywheelCore

/// Labelled images in the order of an epoch, handed to the network batch by batch.
///
/// The pixels stay bytes until the moment they are used: a quarter of the memory traffic of floats.
struct ImageBatches<Scalar: TrainingScalar> {
  private let images: LabelledImages
  private var order: [UInt32]
  private var orderedLabels: [UInt8]

  /// The images in the order they are stored.
  init(_ images: LabelledImages) {
    self.images = images
    order = (0..<UInt32(truncatingIfNeeded: images.count)).map { $0 }
    orderedLabels = images.labels
  }

  var count: Int { images.count }

  /// Puts the images in another order.
  ///
  /// - Parameter order: Every index once.
  mutating func reorder(_ order: [UInt32]) {
    precondition(order.count == images.count, "an order names every image once")
    self.order = order
    orderedLabels = order.map { images.labels[Int($0)] }
  }

  /// Writes the pixels of a range of the order into rows, as multiples of 1/255.
  func gather(_ range: Range<Int>, into rows: PaddedMatrix<Scalar>) {
    precondition(range.count <= rows.rows && images.featureCount == rows.columns)
    unsafe images.pixels.withUnsafeBufferPointer { pixels in
      unsafe order[range].withUnsafeBufferPointer { order in
        guard let pixels = pixels.baseAddress, let first = order.baseAddress else { return }
        unsafe Scalar.kernels.gather(
          pixels,
          images.featureCount,
          first,
          range.count,
          1 / 255,
          rows.base,
          rows.stride
        )
      }
    }
  }

  /// Turns the logits of a range of the order into deltas of the mean loss.
  ///
  /// - Returns: The summed loss and the number of samples classified right.
  func loss(_ loss: Loss, _ range: Range<Int>, logits: PaddedMatrix<Scalar>) -> (Double, Int) {
    precondition(range.count <= logits.rows && images.classCount <= logits.columns)
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
