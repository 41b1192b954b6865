public import FlywheelCore

/// Grey images of one size, each with the number of its class.
public struct LabelledImages: Sendable {
  /// One byte per pixel: image after image, row after row; 0 is background.
  public let pixels: [UInt8]
  /// The class of each image, below `classCount`.
  public let labels: [UInt8]
  /// The number of pixels in a row.
  public let width: Int
  /// The number of rows in an image.
  public let height: Int
  /// The number of classes.
  public let classCount: Int

  /// The number of images.
  public var count: Int { labels.count }
  /// The number of pixels of an image.
  public var featureCount: Int { width * height }

  /// Puts images and their labels together.
  ///
  /// - Parameters:
  ///   - pixels: One byte per pixel: image after image, row after row.
  ///   - labels: The class of each image.
  ///   - width: The number of pixels in a row.
  ///   - height: The number of rows in an image.
  ///   - classCount: The number of classes.
  /// - Throws: `mismatch` if the counts do not agree or a label is not below `classCount`.
  public init(
    pixels: [UInt8],
    labels: [UInt8],
    width: Int,
    height: Int,
    classCount: Int
  ) throws(FlywheelError) {
    let (size, sizeOverflow) = width.multipliedReportingOverflow(by: height)
    let (total, totalOverflow) = size.multipliedReportingOverflow(by: labels.count)
    guard width > 0, height > 0, !sizeOverflow, !totalOverflow, total == pixels.count else {
      throw FlywheelError(
        .mismatch,
        "\(labels.count) labels with images of \(width) by \(height) pixels do not go with "
          + "\(pixels.count) pixels; give one label for each image."
      )
    }
    if let index = labels.firstIndex(where: { Int($0) >= classCount }) {
      throw FlywheelError(
        .mismatch,
        "Image \(index) has the label \(labels[index]), but there are only \(classCount) classes, "
          + "0 to \(classCount - 1)."
      )
    }
    self.init(
      unchecked: pixels,
      labels: labels,
      width: width,
      height: height,
      classCount: classCount
    )
  }

  // Skips the checks where the caller's own construction proves them.
  init(unchecked pixels: [UInt8], labels: [UInt8], width: Int, height: Int, classCount: Int) {
    self.pixels = pixels
    self.labels = labels
    self.width = width
    self.height = height
    self.classCount = classCount
  }

  /// Some consecutive images, copied; the number of classes stays.
  ///
  /// - Precondition: The range lies in `0..<count`.
  public subscript(range: Range<Int>) -> LabelledImages {
    LabelledImages(
      unchecked: Array(
        pixels[range.lowerBound * featureCount..<range.upperBound * featureCount]
      ),
      labels: Array(labels[range]),
      width: width,
      height: height,
      classCount: classCount
    )
  }

  /// The CRC-32 of all pixels and then all labels, in Python
  /// `zlib.crc32(labels, zlib.crc32(pixels))`.
  public var checksum: UInt32 {
    CRC32.checksum(labels.rawBytes, continuing: CRC32.checksum(pixels.rawBytes))
  }
}
