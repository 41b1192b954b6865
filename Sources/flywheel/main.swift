import FlywheelCLI

FlywheelCommand.start()
