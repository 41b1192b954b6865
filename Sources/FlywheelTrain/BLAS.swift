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
      let base: UnsafePointer<Scalar>
      let stride: Int
      let isTransposed: Bool
    }

    /// The extents of a product: rows and columns of the result, and what is summed over.
    struct Extents {
      let rows: Int
      let columns: Int
      let inner: Int
    }

    /// `out = left right + beta out`.
    typealias Product<Scalar> = (
      Extents, _ left: Operand<Scalar>, _ right: Operand<Scalar>, _ beta: Scalar,
      _ out: UnsafeMutablePointer<Scalar>, _ outStride: Int
    ) -> Void

    /// Whether a layer is large enough to make up for storing its gradient.
    static func isWorthwhile(inputs: Int, outputs: Int, batch: Int) -> Bool {
      inputs >= 256 && outputs >= 256 && batch >= 16
    }

    /// Done once, before the first product: spinning threads starve a shared machine.
    static let useOneThread: Void = {
      #if !canImport(Accelerate)
        openblas_set_num_threads(1)
      #endif
    }()
  }

  extension Float {
    static let product: BLAS.Product<Float> = unsafe { extents, left, right, beta, out, outStride in
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
        CInt(outStride)
      )
    }
  }

  extension Double {
    static let product: BLAS.Product<Double> = unsafe {
      extents,
      left,
      right,
      beta,
      out,
      outStride in
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
        CInt(outStride)
      )
    }
  }
#endif
