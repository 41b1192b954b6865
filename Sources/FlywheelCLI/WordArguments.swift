public import ArgumentParser
public import FlywheelCheckpoint
public import FlywheelHDF5
public import FlywheelRun
public import FlywheelTrain

// Settings that are one of a few words are typed as those words.

extension Activation: ExpressibleByArgument {}
extension Loss: ExpressibleByArgument {}
extension Initialization: ExpressibleByArgument {}
extension TrainingConfiguration.Precision: ExpressibleByArgument {}
extension DataDescription.LastBatch: ExpressibleByArgument {}
extension SavePolicy.FailureResponse: ExpressibleByArgument {}
extension HDF5Implementation: ExpressibleByArgument {}
