public import FlywheelCore
public import SystemPackage

/// A file in the IDX format of the MNIST data set: an array of unsigned bytes with its extents.
///
/// The file may be compressed with gzip; that is recognised by its bytes, not by its name.
public struct IDXFile: Sendable {
  /// The extents, outermost first: the number of images, rows and columns, or of labels.
  public let extents: [Int]
  /// The elements in row-major order.
  public let values: [UInt8]

  private static let imageDimensions = ["images", "rows", "columns"]
  private static let labelDimensions = ["labels"]

  /// Reads a file of images.
  ///
  /// - Parameter path: The file; its array must have three dimensions.
  /// - Returns: Its array, with extents of images, rows and columns.
  /// - Throws: `notFound`, `truncated`, `malformed`, `corrupted`, `limitExceeded`.
  public static func images(at path: FilePath) throws(FlywheelError) -> IDXFile {
    try IDXFile(path, dimensions: imageDimensions)
  }

  /// Reads a file of labels.
  ///
  /// - Parameter path: The file; its array must have one dimension.
  /// - Returns: Its array.
  /// - Throws: `notFound`, `truncated`, `malformed`, `corrupted`, `limitExceeded`.
  public static func labels(at path: FilePath) throws(FlywheelError) -> IDXFile {
    try IDXFile(path, dimensions: labelDimensions)
  }

  /// Reads the four files of MNIST, or of a data set that is laid out like it.
  ///
  /// - Parameter directory: Where `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` and the two
  ///   `t10k-` files are; each may have `.idx` instead of `-idx`, and `.gz` behind.
  /// - Returns: The training and the test images, with the same number of classes.
  /// - Throws: `notFound` with the names that were looked for, `mismatch` if the files do not go
  ///   together, and what reading one of them throws.
  public static func mnist(
    in directory: FilePath
  ) throws(FlywheelError) -> (training: LabelledImages, test: LabelledImages) {
    guard FileSystem.isDirectory(directory) else {
      throw FlywheelError(
        .notFound,
        FileSystem.exists(directory)
          ? "This is a file; name the directory that holds MNIST's four files."
          : "There is no such directory; name one that holds MNIST's four files, or 'digits' for the "
            + "built-in data.",
        at: .init(path: directory)
      )
    }
    let training = try labelledImages("train", in: directory, classCount: nil)
    let test = try labelledImages("t10k", in: directory, classCount: training.classCount)
    guard test.width == training.width, test.height == training.height else {
      throw FlywheelError(
        .mismatch,
        "The test images have \(test.width) by \(test.height) pixels, the training images "
          + "\(training.width) by \(training.height); put files of one data set here.",
        at: .init(path: directory)
      )
    }
    return (training, test)
  }

  /// Reads one pair of files; without `classCount` the largest label decides it.
  private static func labelledImages(
    _ prefix: String,
    in directory: FilePath,
    classCount: Int?
  ) throws(FlywheelError) -> LabelledImages {
    let (images, imagesPath) = try first("\(prefix)-images", imageDimensions, in: directory)
    let (labels, labelsPath) = try first("\(prefix)-labels", labelDimensions, in: directory)
    guard images.extents[0] == labels.extents[0] else {
      throw FlywheelError(
        .mismatch,
        "Found \(labels.extents[0]) labels for the \(images.extents[0]) images in "
          + "\(imagesPath.string); the two files must come from one data set.",
        at: .init(path: labelsPath)
      )
    }
    let classCount = classCount ?? Int(labels.values.max() ?? 0) + 1
    do throws(FlywheelError) {
      return try LabelledImages(
        pixels: images.values,
        labels: labels.values,
        width: images.extents[2],
        height: images.extents[1],
        classCount: classCount
      )
    } catch {
      throw error.located(path: labelsPath)
    }
  }

  /// Reads the first of a file's usual names that exists.
  private static func first(
    _ stem: String,
    _ dimensions: [String],
    in directory: FilePath
  ) throws(FlywheelError) -> (file: IDXFile, path: FilePath) {
    let names = ["-", "."].flatMap { separator in
      ["", ".gz"].map { "\(stem)\(separator)idx\(dimensions.count)-ubyte\($0)" }
    }
    for name in names {
      let path = directory.appending(name)
      do throws(FlywheelError) {
        return (try IDXFile(path, dimensions: dimensions), path)
      } catch {
        guard error.code == .notFound else { throw error }
      }
    }
    throw FlywheelError(
      .notFound,
      "None of \(names.joined(separator: ", ")) is in the directory; put the four files of MNIST "
        + "there or name the directory that has them.",
      at: .init(path: directory)
    )
  }

  private init(_ path: FilePath, dimensions: [String]) throws(FlywheelError) {
    let file = try MappedFile(path: path)
    do throws(FlywheelError) {
      if GzipReader.recognizes(file) {
        try self.init(decompressing: file, dimensions)
      } else {
        try self.init(file, dimensions)
      }
    } catch {
      throw error.located(path: path)
    }
  }

  private init(
    _ file: borrowing MappedFile,
    _ dimensions: [String]
  ) throws(FlywheelError) {
    var reader = ByteReader(file.bytes)
    let header = try reader.take(4 + 4 * dimensions.count, "the IDX header")
    let (extents, count) = try Self.parseHeader(header, dimensions)
    let bytes = try reader.take(count, "the array of \(dimensions[0])")
    guard reader.remaining == 0 else {
      throw FlywheelError.malformed(
        found: "\(reader.remaining) bytes after the last of the \(dimensions[0])",
        expected: "the end of the file",
        at: .init(byteOffset: UInt64(reader.offset))
      )
    }
    self.extents = extents
    values = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  private init(
    decompressing file: consuming MappedFile,
    _ dimensions: [String]
  ) throws(FlywheelError) {
    var reader = try GzipReader(file)
    let header = try reader.read(4 + 4 * dimensions.count, "the IDX header")
    let (extents, count) = try Self.parseHeader(header.rawBytes, dimensions)
    // Before memory is asked for: a few bytes must not claim gigabytes.
    let (limit, overflow) = reader.compressedByteCount
      .multipliedReportingOverflow(by: GzipReader.maximumExpansion)
    guard overflow || count <= limit else {
      throw FlywheelError(
        .limitExceeded,
        "The header declares an array of \(count) bytes; a gzip file of "
          + "\(reader.compressedByteCount) bytes holds at most \(limit). Copy or download it again.",
        at: .init(byteOffset: 4)
      )
    }
    self.extents = extents
    values = try reader.read(count, "the array of \(dimensions[0])")
    try reader.finish()
  }

  /// The extents and their product, checked.
  private static func parseHeader(
    _ bytes: RawSpan,
    _ dimensions: [String]
  ) throws(FlywheelError) -> (extents: [Int], count: Int) {
    var reader = ByteReader(bytes)
    let magic = try reader.readBigEndian(UInt32.self, "the magic number")
    // Two zero bytes, the element type (8 is unsigned byte), the number of dimensions.
    let expected = 0x800 | UInt32(dimensions.count)
    guard magic == expected else {
      throw FlywheelError.malformed(
        found: "the magic number 0x\(String(magic, radix: 16))",
        expected: "0x\(String(expected, radix: 16)), IDX \(dimensions[0]) of unsigned bytes,",
        at: .init(byteOffset: 0)
      )
    }
    var extents: [Int] = []
    var count = 1
    for dimension in dimensions {
      let offset = UInt64(reader.offset)
      let extent = Int(try reader.readBigEndian(UInt32.self, "the number of \(dimension)"))
      guard extent > 0 else {
        throw FlywheelError.malformed(
          found: "0 \(dimension)",
          expected: "at least one",
          at: .init(byteOffset: offset)
        )
      }
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard !overflow else {
        throw FlywheelError.overflow(
          "the array of \(dimensions[0])",
          at: .init(byteOffset: offset)
        )
      }
      count = product
      extents.append(extent)
    }
    return (extents, count)
  }
}
