import CFlywheelKernels
import FlywheelCheckpoint

extension Backend {
  /// What computes a run in this build on this machine.
  static func current(for configuration: TrainingConfiguration) -> Backend {
    var products = "flywheel"
    #if Accelerated
      let usesBLAS = configuration.network.fans.contains { fan in
        BLAS.isWorthwhile(
          inputs: fan.inputs,
          outputs: fan.outputs,
          batchSize: configuration.data.batchSize
        )
      }
      if usesBLAS { products = BLAS.name }
    #endif
    return Backend(
      products: products,
      arithmetic: unsafe String(cString: fw_kernels_arithmetic())
    )
  }
}
