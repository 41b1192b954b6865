// swift-tools-version: 6.2

import PackageDescription

let package = Package(
  name: "your-own-trainer",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "flywheel", path: "../..")],
  targets: [
    .executableTarget(
      name: "your-own-trainer",
      dependencies: [.product(name: "FlywheelRun", package: "flywheel")],
      path: "Sources",
      swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
    )
  ]
)
