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

extension HDF5Implementation: ExpressibleByArgument {
  // What the parser would find itself: but this is an option of every command that opens files, and it would look for
  // conformances in the whole program, which takes as long as to read a small file.

  /// The words.
  public static var allValueStrings: [String] { allCases.map { $0.rawValue } }

  /// None: the words are all there is.
  public static var allValueDescriptions: [String: String] { [:] }
}
