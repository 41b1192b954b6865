#if Accelerated
  #if canImport(Accelerate)
    import Accelerate
  #else
    import COpenBLAS
  #endif

  /// The BLAS that the trait `Accelerated` adds for large layers.
  enum BLAS {
    /// How checkpoints name it.
    #if canImport(Accelerate)
      static let name = "accelerate"
    #else
      static let name = "openblas"
    #endif

    /// A row-major matrix as a BLAS takes it.
    @safe struct Operand<Scalar> {
      @unsafe let base: UnsafePointer<Scalar>
      let stride: Int
      let isTransposed: Bool
    }

    /// The extents of a product: rows and columns of the result, and what is summed over.
    struct Extents {
      let rows: Int
      let columns: Int
      let inner: Int
    }

    /// Whether a layer is large enough to make up for storing its gradient.
    ///
    /// Measured, the three products and the step of SGD: Flywheel's kernels take 0.82 of OpenBLAS's time
    /// on 512 x 512 at batch 32, 0.92 there and 0.94 on 784 x 512 at batch 128, 1.03 on 1024 x 1024
    /// and 1.34 on 2048 x 2048.
    static func isWorthwhile(inputs: Int, outputs: Int, batchSize: Int) -> Bool {
      inputs * outputs >= 1 << 20 && batchSize >= 64
    }

    /// Done once, before the first product: spinning threads starve a shared machine.
    static let useOneThread: Void = {
      #if !canImport(Accelerate)
        openblas_set_num_threads(1)
      #endif
    }()
  }

  extension Float {
    static func multiply(
      _ extents: BLAS.Extents,
      _ left: BLAS.Operand<Float>,
      _ right: BLAS.Operand<Float>,
      beta: Float,
      into out: UnsafeMutablePointer<Float>,
      stride: Int
    ) {
      unsafe cblas_sgemm(
        CblasRowMajor,
        left.isTransposed ? CblasTrans : CblasNoTrans,
        right.isTransposed ? CblasTrans : CblasNoTrans,
        CInt(extents.rows),
        CInt(extents.columns),
        CInt(extents.inner),
        1,
        left.base,
        CInt(left.stride),
        right.base,
        CInt(right.stride),
        beta,
        out,
        CInt(stride)
      )
    }
  }

  extension Double {
    static func multiply(
      _ extents: BLAS.Extents,
      _ left: BLAS.Operand<Double>,
      _ right: BLAS.Operand<Double>,
      beta: Double,
      into out: UnsafeMutablePointer<Double>,
      stride: Int
    ) {
      unsafe cblas_dgemm(
        CblasRowMajor,
        left.isTransposed ? CblasTrans : CblasNoTrans,
        right.isTransposed ? CblasTrans : CblasNoTrans,
        CInt(extents.rows),
        CInt(extents.columns),
        CInt(extents.inner),
        1,
        left.base,
        CInt(left.stride),
        right.base,
        CInt(right.stride),
        beta,
        out,
        CInt(stride)
      )
    }
  }
#endif
