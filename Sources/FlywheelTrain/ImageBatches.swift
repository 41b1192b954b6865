import CFlywheelKernels
import FlywheelCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

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
    #if os(Linux)
      // Samples are read in random order: with small pages nearly each of them misses the TLB. Whether
      // the system obliges is its own business, so that the result is of no interest.
      unsafe images.pixels.withUnsafeBytes { pixels in
        let pageSize = UInt(1 << 21)
        let start = (UInt(bitPattern: pixels.baseAddress) + pageSize - 1) & ~(pageSize - 1)
        let end = (UInt(bitPattern: pixels.baseAddress) + UInt(pixels.count)) & ~(pageSize - 1)
        guard start < end, let address = unsafe UnsafeMutableRawPointer(bitPattern: start) else {
          return
        }
        let collapseNow: CInt = 25  // MADV_COLLAPSE, since Linux 6.1
        unsafe _ = madvise(address, Int(end - start), collapseNow)
      }
    #endif
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
