public import FlywheelCore

/// A data set that needs no download: grey images of digits, drawn by a pen in an unsteady hand.
///
/// A linear classifier does not get far on them, a small multilayer perceptron does. Only arithmetic
/// that IEEE 754 fixes to the last bit is used (no sine, no exponential), so that a seed gives the
/// same images on every machine.
public enum DigitGenerator {
  /// The number of rows and of columns of an image, as in MNIST.
  public static let side = 28

  /// Draws images, each of which depends on nothing but the seed, the stream and its own number.
  ///
  /// The labels go round from 0 to 9, so that every prefix is balanced.
  ///
  /// - Parameters:
  ///   - count: The number of images.
  ///   - seed: The seed.
  ///   - stream: The random stream; training and test images need different ones.
  /// - Returns: The images, bytes of shape `[count, 28, 28]`, in ten classes.
  /// - Throws: `limitExceeded` if there is no memory for them.
  /// - Precondition: `count` is not negative.
  public static func generate(
    count: Int,
    seed: UInt64,
    stream: UInt64
  ) throws(FlywheelError) -> LabelledSamples {
    precondition(count >= 0, "there is no negative number of images")
    let size = side * side
    var pixels = [UInt8](repeating: 0, count: count * size)
    var labels = [UInt8](repeating: 0, count: count)
    var canvas = Canvas()
    for index in 0..<count {
      let digit = index % glyphs.count
      labels[index] = UInt8(digit)
      var random = Philox(seed: seed, stream: stream, epoch: UInt64(index))
      let variants = glyphs[digit]
      let variant = variants[Int(random.next() % UInt64(variants.count))]
      let hand = Hand(&random)
      canvas.clear(penRadius: random.between(0.8, 1.6))
      for stroke in variant { canvas.add(stroke.map { hand.place($0, &random) }) }
      canvas.render(into: &pixels, at: index * size, &random)
    }
    let storage = try unsafe TensorStorage(
      byteCount: pixels.count,
      unsafeFilledBy: { buffer throws(FlywheelError) in unsafe buffer.copyBytes(from: pixels) }
    )
    return try LabelledSamples(
      values: Tensor(dtype: .uint8, shape: Shape([count, side, side]), storage: storage),
      labels: labels.map { UInt16($0) },
      classCount: glyphs.count,
      storedType: .uint8,
      checksum: CRC32.checksum(labels.rawBytes, continuing: CRC32.checksum(pixels.rawBytes))
    )
  }

  /// x to the right and y downwards, from 0 to 1 in a glyph, in pixels in an image.
  private typealias Point = SIMD2<Float>

  /// How one digit is sheared, sized, turned and placed.
  private struct Hand {
    let shear: Float
    let size: Point
    let cosine: Float
    let sine: Float
    let center: Point

    init(_ random: inout Philox) {
      shear = random.between(-0.35, 0.35)
      size = Point(random.between(13.3, 20.9), random.between(13.3, 20.9))
      // The tangent of half the angle, up to 20 degrees, gives a rotation without trigonometry.
      let tangent = random.between(-0.18, 0.18)
      cosine = (1 - tangent * tangent) / (1 + tangent * tangent)
      sine = 2 * tangent / (1 + tangent * tangent)
      center = Point(random.between(11.25, 15.75), random.between(11.25, 15.75))
    }

    /// Where a point of a glyph lies in the image; each point trembles on its own.
    func place(_ point: Point, _ random: inout Philox) -> Point {
      let tremor = Point(random.between(-0.065, 0.065), random.between(-0.065, 0.065))
      let centered = point - 0.5 + tremor
      let x = (centered.x - shear * centered.y) * size.x
      let y = centered.y * size.y
      return center + Point(cosine * x - sine * y, sine * x + cosine * y)
    }
  }

  /// The strokes of one image: for each pixel the squared distance to the nearest one.
  private struct Canvas {
    private var distances = [Float](repeating: .infinity, count: side * side)
    private var penRadius: Float = 0

    mutating func clear(penRadius: Float) {
      for index in distances.indices { distances[index] = .infinity }
      self.penRadius = penRadius
    }

    /// Adds the Catmull-Rom spline through some points; through two it is a line.
    mutating func add(_ points: [Point]) {
      let steps = points.count == 2 ? 1 : 5
      for index in points.indices.dropLast() {
        let start = points[index]
        let end = points[index + 1]
        let before = index > 0 ? points[index - 1] : start
        let after = index + 2 < points.count ? points[index + 2] : end
        let linear = end - before
        let quadratic = 2 * before - 5 * start + 4 * end - after
        let cubic = 3 * (start - end) + after - before
        var last = start
        for step in 1...steps {
          let t = Float(step) / Float(steps)
          let next = start + 0.5 * t * (linear + t * (quadratic + t * cubic))
          add(from: last, to: next)
          last = next
        }
      }
    }

    private mutating func add(from start: Point, to end: Point) {
      let reach = penRadius + 1
      let low = pointwiseMin(start, end) - reach
      let high = pointwiseMax(start, end) + reach
      let columns = (Int(low.x)..<Int(high.x) + 1).clamped(to: 0..<side)
      let rows = (Int(low.y)..<Int(high.y) + 1).clamped(to: 0..<side)
      let along = end - start
      let scale = 1 / max(along.x * along.x + along.y * along.y, 1e-6)
      for row in rows {
        let y = Float(row) - start.y
        for column in columns {
          let x = Float(column) - start.x
          // The nearest point of the line is at this fraction of it.
          let fraction = max(0, min(1, (x * along.x + y * along.y) * scale))
          let dx = x - fraction * along.x
          let dy = y - fraction * along.y
          let index = row * side + column
          distances[index] = min(distances[index], dx * dx + dy * dy)
        }
      }
    }

    /// Inks the strokes, soft over one pixel at their edges, and adds noise.
    func render(into pixels: inout [UInt8], at offset: Int, _ random: inout Philox) {
      let ink = random.between(0.7, 1)
      let noise = random.between(0, 0.15)
      let edge = penRadius + 0.5
      var word: UInt64 = 0
      for index in distances.indices {
        // Eight pixels share a word.
        if index % 8 == 0 { word = random.next() }
        let grain = Float(word & 0xFF) / 127.5 - 1
        word >>= 8
        var value = noise * grain
        if distances[index] < edge * edge {
          value += ink * min(1, edge - distances[index].squareRoot())
        }
        pixels[offset + index] = UInt8(max(0, min(1, value)) * 255 + 0.5)
      }
    }
  }

  /// For each digit its variants, each a list of strokes, each a list of points on the curve.
  private static let glyphs: [[[[Point]]]] = [
    [  // 0
      [
        [
          [0.5, 0], [0.2, 0.2], [0.15, 0.5], [0.2, 0.82], [0.5, 1], [0.8, 0.82], [0.85, 0.5],
          [0.8, 0.2], [0.5, 0],
        ]
      ],
      [
        [
          [0.62, 0.04], [0.4, 0.1], [0.26, 0.45], [0.3, 0.85], [0.52, 1], [0.72, 0.8],
          [0.76, 0.4], [0.66, 0.1], [0.46, 0.02],
        ]
      ],
      [
        [
          [0.5, 0], [0.2, 0.2], [0.15, 0.5], [0.2, 0.82], [0.5, 1], [0.8, 0.82], [0.85, 0.5],
          [0.8, 0.2], [0.5, 0],
        ],
        [[0.78, 0.08], [0.22, 0.92]],
      ],
    ],
    [  // 1
      [[[0.5, 0], [0.5, 1]]],
      [[[0.28, 0.28], [0.54, 0]], [[0.54, 0], [0.52, 1]]],
      [[[0.3, 0.25], [0.52, 0]], [[0.52, 0], [0.52, 1]], [[0.25, 1], [0.78, 1]]],
    ],
    [  // 2
      [
        [[0.2, 0.25], [0.35, 0.03], [0.65, 0.03], [0.78, 0.25], [0.6, 0.55], [0.2, 1]],
        [[0.2, 1], [0.82, 1]],
      ],
      [
        [
          [0.2, 0.2], [0.45, 0], [0.75, 0.15], [0.7, 0.45], [0.4, 0.82], [0.2, 0.96],
          [0.18, 0.8], [0.38, 0.8], [0.6, 0.97], [0.88, 0.9],
        ]
      ],
    ],
    [  // 3
      [
        [[0.2, 0.12], [0.5, 0], [0.75, 0.15], [0.7, 0.38], [0.4, 0.48]],
        [[0.4, 0.48], [0.75, 0.58], [0.82, 0.8], [0.55, 1], [0.18, 0.9]],
      ],
      [
        [[0.2, 0.02], [0.78, 0.02]], [[0.78, 0.02], [0.42, 0.42]],
        [[0.42, 0.42], [0.75, 0.5], [0.82, 0.75], [0.55, 1], [0.18, 0.88]],
      ],
    ],
    [  // 4
      [
        [[0.28, 0], [0.2, 0.3], [0.18, 0.55]], [[0.18, 0.55], [0.85, 0.55]],
        [[0.72, 0.05], [0.66, 1]],
      ],
      [[[0.65, 0], [0.12, 0.65]], [[0.12, 0.65], [0.88, 0.65]], [[0.65, 0], [0.65, 1]]],
    ],
    [  // 5
      [
        [[0.75, 0.02], [0.28, 0.02]], [[0.28, 0.02], [0.24, 0.42]],
        [[0.24, 0.42], [0.55, 0.36], [0.8, 0.58], [0.72, 0.88], [0.45, 1], [0.18, 0.9]],
      ],
      [
        [
          [0.78, 0.04], [0.45, 0.03], [0.27, 0.2], [0.35, 0.42], [0.65, 0.52], [0.78, 0.75],
          [0.6, 0.98], [0.2, 0.95],
        ]
      ],
    ],
    [  // 6
      [
        [
          [0.7, 0.02], [0.4, 0.2], [0.2, 0.55], [0.25, 0.88], [0.5, 1], [0.76, 0.86],
          [0.74, 0.62], [0.5, 0.52], [0.24, 0.68],
        ]
      ],
      [
        [
          [0.42, 0], [0.24, 0.45], [0.25, 0.9], [0.55, 1], [0.8, 0.8], [0.66, 0.55],
          [0.4, 0.6], [0.25, 0.8],
        ]
      ],
    ],
    [  // 7
      [[[0.18, 0.05], [0.82, 0.03]], [[0.82, 0.03], [0.55, 0.45], [0.42, 1]]],
      [
        [[0.18, 0.05], [0.82, 0.03]], [[0.82, 0.03], [0.55, 0.45], [0.42, 1]],
        [[0.32, 0.5], [0.76, 0.48]],
      ],
      [
        [[0.18, 0.22], [0.2, 0.03]], [[0.2, 0.03], [0.82, 0.03]], [[0.82, 0.03], [0.36, 1]],
      ],
    ],
    [  // 8
      [
        [
          [0.72, 0.15], [0.5, 0], [0.28, 0.15], [0.36, 0.38], [0.65, 0.58], [0.78, 0.8],
          [0.5, 1], [0.22, 0.8], [0.35, 0.58], [0.65, 0.38], [0.72, 0.15],
        ]
      ],
      [
        [
          [0.5, 0], [0.28, 0.1], [0.28, 0.34], [0.5, 0.46], [0.72, 0.34], [0.72, 0.1], [0.5, 0],
        ],
        [
          [0.5, 0.46], [0.22, 0.6], [0.2, 0.88], [0.5, 1], [0.8, 0.88], [0.78, 0.6],
          [0.5, 0.46],
        ],
      ],
    ],
    [  // 9
      [
        [[0.75, 0.25], [0.55, 0.02], [0.26, 0.1], [0.22, 0.38], [0.48, 0.5], [0.75, 0.25]],
        [[0.76, 0.15], [0.72, 0.6], [0.64, 1]],
      ],
      [
        [
          [0.76, 0.25], [0.55, 0.02], [0.26, 0.1], [0.22, 0.38], [0.48, 0.5], [0.76, 0.2],
          [0.8, 0.55], [0.65, 0.92], [0.25, 0.97],
        ]
      ],
    ],
  ]
}

extension Philox {
  /// The next number of a uniform distribution.
  fileprivate mutating func between(_ low: Float, _ high: Float) -> Float {
    low + (high - low) * Float(uniform())
  }
}
