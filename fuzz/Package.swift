// swift-tools-version: 6.2

import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// A program that libFuzzer drives: it hands bytes to the laws of the same name.
func target(_ name: String, dependencies: [Target.Dependency] = []) -> Target {
  .executableTarget(
    name: "Fuzz\(name)",
    dependencies: ["Laws"] + dependencies,
    swiftSettings: swiftSettings
  )
}

// A package of its own, so that users of Flywheel never build it; `scripts/fuzz` does.
let package = Package(
  name: "flywheel-fuzz",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "flywheel", path: ".."),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // The tests of Flywheel's own package have the same files as a target of theirs.
    .target(
      name: "Laws",
      dependencies: [
        .product(name: "FlywheelCore", package: "flywheel"),
        .product(name: "FlywheelCheckpoint", package: "flywheel"),
        .product(name: "FlywheelDeflate", package: "flywheel"),
        .product(name: "FlywheelHDF5", package: "flywheel"),
        .product(name: "FlywheelNPZ", package: "flywheel"),
        .product(name: "FlywheelPickle", package: "flywheel"),
        .product(name: "FlywheelSafetensors", package: "flywheel"),
        .product(name: "FlywheelTorch", package: "flywheel"),
        .product(name: "FlywheelZip", package: "flywheel"),
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Laws",
      swiftSettings: swiftSettings
    ),
    // What libFuzzer has for programs that change bytes in their own way.
    .systemLibrary(name: "CLibFuzzer"),
    target("HDF5", dependencies: ["CLibFuzzer"]),
    target("JSON"),
    target("NPY"),
    target("Pickle"),
    target("Safetensors"),
    target("Torch"),
    target("Zip"),
  ]
)
