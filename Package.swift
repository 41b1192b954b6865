// swift-tools-version: 6.2

import PackageDescription

// Every Swift target is compiled in Swift 6 mode with strict memory safety, so that each touch of raw
// memory carries the word `unsafe`, and with warnings as errors.
let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let cSettings: [CSetting] = [.treatAllWarnings(as: .error)]

let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let orderedCollections = Target.Dependency.product(
  name: "OrderedCollections",
  package: "swift-collections"
)
let argumentParser = Target.Dependency.product(
  name: "ArgumentParser",
  package: "swift-argument-parser"
)

/// A Swift library of this package, with the settings that all of them share.
func room(
  _ name: String,
  dependencies: [Target.Dependency],
  linkerSettings: [LinkerSetting] = []
) -> Target {
  .target(
    name: name,
    dependencies: dependencies,
    swiftSettings: swiftSettings,
    linkerSettings: linkerSettings
  )
}

/// The tests of one room.
func tests(_ room: String, dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(room)Tests",
    dependencies: [.target(name: room), "FlywheelTestSupport"] + dependencies,
    swiftSettings: swiftSettings
  )
}

let package = Package(
  name: "flywheel",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "flywheel", targets: ["flywheel"]),
    .library(name: "FlywheelCore", targets: ["FlywheelCore"]),
    .library(name: "FlywheelDeflate", targets: ["FlywheelDeflate"]),
    .library(name: "FlywheelHDF5", targets: ["FlywheelHDF5"]),
    .library(name: "FlywheelNPZ", targets: ["FlywheelNPZ"]),
    .library(name: "FlywheelSafetensors", targets: ["FlywheelSafetensors"]),
    .library(name: "FlywheelPickle", targets: ["FlywheelPickle"]),
    .library(name: "FlywheelTorch", targets: ["FlywheelTorch"]),
    .library(name: "FlywheelKeras", targets: ["FlywheelKeras"]),
    .library(name: "FlywheelOptim", targets: ["FlywheelOptim"]),
    .library(name: "FlywheelCheckpoint", targets: ["FlywheelCheckpoint"]),
    .library(name: "FlywheelFormats", targets: ["FlywheelFormats"]),
    .library(name: "FlywheelConvert", targets: ["FlywheelConvert"]),
    .library(name: "FlywheelDialects", targets: ["FlywheelDialects"]),
    .library(name: "FlywheelDiff", targets: ["FlywheelDiff"]),
    .library(name: "FlywheelExplain", targets: ["FlywheelExplain"]),
    .library(name: "FlywheelRun", targets: ["FlywheelRun"]),
    .library(name: "FlywheelTrain", targets: ["FlywheelTrain"]),
    .library(name: "FlywheelPlot", targets: ["FlywheelPlot"]),
    .library(name: "FlywheelTensorBoard", targets: ["FlywheelTensorBoard"]),
    .library(name: "FlywheelZip", targets: ["FlywheelZip"]),
  ],
  traits: [
    .trait(
      name: "Accelerated",
      description: """
        Use a BLAS (OpenBLAS on Linux, Accelerate on macOS) for large layers, and libdeflate to \
        decompress.
        """
    )
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // C: system libraries, and the few hundred lines that Swift cannot say.
    .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.brew(["hdf5"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(
      name: "COpenBLAS",
      pkgConfig: "openblas",
      providers: [.apt(["libopenblas-dev"])]
    ),
    .systemLibrary(
      name: "CDeflate",
      pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]
    ),
    .target(name: "CFlywheelDeflate", cSettings: cSettings),
    // On Linux it loads libhdf5 itself, at its first use: see loading.c.
    .target(
      name: "CFlywheelHDF5",
      dependencies: [.target(name: "CHDF5", condition: .when(platforms: [.macOS]))],
      cSettings: cSettings,
      linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]
    ),
    .target(
      name: "CFlywheelKernels",
      cSettings: cSettings,
      linkerSettings: [.linkedLibrary("m", .when(platforms: [.linux]))]
    ),
    .target(name: "CFlywheelSystem", cSettings: cSettings),

    // The rooms, from the ground up. Arrows only go down.
    room(
      "FlywheelCore",
      dependencies: [
        "CFlywheelKernels", "CFlywheelSystem", systemPackage, orderedCollections,
      ]
    ),
    room(
      "FlywheelDeflate",
      dependencies: [
        "FlywheelCore", "CFlywheelDeflate", "CZlib",
        .target(name: "CDeflate", condition: .when(traits: ["Accelerated"])),
      ]
    ),
    room("FlywheelOptim", dependencies: ["FlywheelCore"]),
    room(
      "FlywheelHDF5",
      dependencies: [
        "FlywheelCore", "FlywheelDeflate", "CFlywheelHDF5", systemPackage, orderedCollections,
      ]
    ),
    room("FlywheelZip", dependencies: ["FlywheelCore", "FlywheelDeflate", systemPackage]),
    room(
      "FlywheelNPZ",
      dependencies: [
        "FlywheelCore", "FlywheelDeflate", "FlywheelZip", "CFlywheelKernels", systemPackage,
        orderedCollections,
      ]
    ),
    room(
      "FlywheelSafetensors",
      dependencies: ["FlywheelCore", systemPackage, orderedCollections]
    ),
    room("FlywheelPickle", dependencies: ["FlywheelCore"]),
    room(
      "FlywheelTorch",
      dependencies: [
        "FlywheelCore", "FlywheelPickle", "FlywheelZip", "CFlywheelKernels", systemPackage,
        orderedCollections,
      ]
    ),
    room(
      "FlywheelKeras",
      dependencies: [
        "FlywheelCore", "FlywheelHDF5", "FlywheelZip", systemPackage, orderedCollections,
      ]
    ),
    room(
      "FlywheelCheckpoint",
      dependencies: ["FlywheelCore", "FlywheelOptim", orderedCollections]
    ),
    room(
      "FlywheelDialects",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", orderedCollections,
      ]
    ),
    room(
      "FlywheelFormats",
      dependencies: [
        "FlywheelCore", "FlywheelDeflate", "FlywheelHDF5", "FlywheelKeras", "FlywheelNPZ",
        "FlywheelSafetensors", "FlywheelTorch", "FlywheelZip", systemPackage, orderedCollections,
      ]
    ),
    room(
      "FlywheelConvert",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelDialects",
        orderedCollections,
      ]
    ),
    room(
      "FlywheelRun",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelFormats", "FlywheelHDF5",
        systemPackage, orderedCollections,
      ]
    ),
    room(
      "FlywheelTrain",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelFormats", "FlywheelRun",
        "CFlywheelKernels", "CZlib", systemPackage, orderedCollections,
        .target(
          name: "COpenBLAS",
          condition: .when(platforms: [.linux], traits: ["Accelerated"])
        ),
      ],
      linkerSettings: [
        .linkedFramework("Accelerate", .when(platforms: [.macOS], traits: ["Accelerated"]))
      ]
    ),
    room(
      "FlywheelDiff",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelDialects",
        "FlywheelConvert", "FlywheelFormats", "FlywheelRun", "CFlywheelKernels", systemPackage,
        orderedCollections,
      ]
    ),
    room(
      "FlywheelExplain",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelConvert",
        "FlywheelDialects", "FlywheelFormats", "FlywheelRun", systemPackage, orderedCollections,
      ]
    ),
    room("FlywheelPlot", dependencies: ["FlywheelCore"]),
    room(
      "FlywheelReport",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelCheckpoint", "FlywheelDialects", "FlywheelDiff",
        "FlywheelPlot", orderedCollections,
      ]
    ),
    room("FlywheelTensorBoard", dependencies: ["FlywheelCore"]),
    room(
      "FlywheelCLI",
      dependencies: [
        "FlywheelCore", "FlywheelOptim", "FlywheelHDF5", "FlywheelCheckpoint", "FlywheelRun",
        "FlywheelTrain", "FlywheelPlot", "FlywheelTensorBoard", "FlywheelDeflate",
        "FlywheelFormats", "FlywheelConvert", "FlywheelDialects", "FlywheelDiff",
        "FlywheelExplain", "FlywheelReport", "CFlywheelSystem",
        argumentParser, systemPackage, orderedCollections,
      ]
    ),
    .executableTarget(
      name: "flywheel",
      dependencies: ["FlywheelCLI"],
      swiftSettings: swiftSettings
    ),

    // Tests mirror the rooms.
    .target(
      name: "FlywheelTestSupport",
      dependencies: ["FlywheelCore", systemPackage],
      path: "Tests/FlywheelTestSupport",
      swiftSettings: swiftSettings
    ),
    tests(
      "FlywheelCore",
      dependencies: ["CFlywheelKernels", "CZlib", systemPackage, orderedCollections]
    ),
    tests("FlywheelDeflate", dependencies: ["FlywheelCore", "CFlywheelDeflate", "CZlib"]),
    tests(
      "FlywheelHDF5",
      dependencies: [
        "FlywheelCore", "FlywheelDeflate", "CFlywheelHDF5", orderedCollections, systemPackage,
        // What only tests ask of libhdf5 is not among the functions that are loaded at first use.
        "CHDF5",
      ]
    ),
    // What holds for any bytes; the package in fuzz/ looks for those that break it.
    .target(
      name: "FlywheelLaws",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelCore", "FlywheelDeflate", "FlywheelHDF5", "FlywheelNPZ",
        "FlywheelPickle", "FlywheelSafetensors", "FlywheelTorch", "FlywheelZip",
        orderedCollections, systemPackage,
      ],
      path: "fuzz/Laws",
      swiftSettings: swiftSettings
    ),
    tests("FlywheelLaws", dependencies: ["FlywheelCore", systemPackage]),
    tests(
      "FlywheelNPZ",
      dependencies: ["FlywheelCore", "FlywheelDeflate", "FlywheelZip", systemPackage]
    ),
    tests(
      "FlywheelSafetensors",
      dependencies: ["FlywheelCore", orderedCollections, systemPackage]
    ),
    tests("FlywheelPickle", dependencies: ["FlywheelCore", systemPackage]),
    tests(
      "FlywheelTorch",
      dependencies: [
        "FlywheelCore", "FlywheelPickle", "FlywheelZip", orderedCollections, systemPackage,
      ]
    ),
    tests(
      "FlywheelKeras",
      dependencies: [
        "FlywheelCore", "FlywheelHDF5", "FlywheelZip", orderedCollections, systemPackage,
      ]
    ),
    tests("FlywheelZip", dependencies: ["FlywheelCore", "FlywheelDeflate", systemPackage]),
    tests("FlywheelOptim", dependencies: ["FlywheelCore"]),
    tests(
      "FlywheelCheckpoint",
      dependencies: ["FlywheelCore", "FlywheelOptim", orderedCollections]
    ),
    tests(
      "FlywheelDialects",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelCore", "FlywheelOptim", orderedCollections,
      ]
    ),
    tests(
      "FlywheelFormats",
      dependencies: ["FlywheelCore", "FlywheelDeflate", systemPackage, orderedCollections]
    ),
    tests(
      "FlywheelConvert",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelCore", "FlywheelDialects", "FlywheelOptim",
        orderedCollections, systemPackage,
      ]
    ),
    tests(
      "FlywheelRun",
      dependencies: [
        "FlywheelCore", "FlywheelCheckpoint", "FlywheelHDF5", "FlywheelOptim", systemPackage,
        orderedCollections,
      ]
    ),
    tests(
      "FlywheelTrain",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelCore", "FlywheelOptim", systemPackage, orderedCollections,
      ]
    ),
    tests(
      "FlywheelDiff",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelConvert", "FlywheelCore", "FlywheelDialects",
        "FlywheelOptim", "FlywheelRun", "CFlywheelKernels", orderedCollections, systemPackage,
      ]
    ),
    tests(
      "FlywheelExplain",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelConvert", "FlywheelCore", "FlywheelFormats",
        "FlywheelOptim", "FlywheelRun", orderedCollections, systemPackage,
      ]
    ),
    tests("FlywheelPlot"),
    tests(
      "FlywheelReport",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelCore", "FlywheelDiff", "FlywheelOptim", "FlywheelPlot",
        orderedCollections, systemPackage,
      ]
    ),
    tests("FlywheelTensorBoard", dependencies: ["FlywheelCore"]),
    tests(
      "FlywheelCLI",
      dependencies: [
        "FlywheelCheckpoint", "FlywheelConvert", "FlywheelCore", "FlywheelDiff",
        "FlywheelExplain", "FlywheelOptim", "FlywheelRun", "FlywheelTrain", "FlywheelPlot",
        argumentParser, orderedCollections, systemPackage,
      ]
    ),
  ]
)
