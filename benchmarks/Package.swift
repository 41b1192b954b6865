// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that users of Flywheel never build it.
let package = Package(
  name: "flywheel-benchmarks",
  platforms: [.macOS(.v26)],
  traits: [
    .trait(name: "Accelerated", description: "Measure Flywheel with its trait of the same name.")
  ],
  dependencies: [
    .package(
      name: "flywheel",
      path: "..",
      traits: [.trait(name: "Accelerated", condition: .when(traits: ["Accelerated"]))]
    ),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .systemLibrary(name: "CLibHDF5", pkgConfig: "hdf5", providers: [.brew(["hdf5"])]),
    // A peer: what a program in C takes that reads HDF5 files.
    .executableTarget(
      name: "HDF5Worker",
      dependencies: ["CLibHDF5"],
      cSettings: [.enableWarning("all"), .treatAllWarnings(as: .error)]
    ),
    .executableTarget(
      name: "CheckpointWorker",
      dependencies: [
        .product(name: "FlywheelCore", package: "flywheel"),
        .product(name: "FlywheelDeflate", package: "flywheel"),
        .product(name: "FlywheelFormats", package: "flywheel"),
        .product(name: "FlywheelHDF5", package: "flywheel"),
        .product(name: "FlywheelOptim", package: "flywheel"),
        .product(name: "FlywheelCheckpoint", package: "flywheel"),
        .product(name: "FlywheelRun", package: "flywheel"),
        // The command, built by the same build, for what is measured from outside.
        .product(name: "flywheel", package: "flywheel"),
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .strictMemorySafety(),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ]
    ),
  ]
)
