/// How far a checkpoint is checked when it is read.
public enum Verification: Sendable, Hashable {
  /// Every byte of every tensor is read and compared with its checksum.
  case checksums
  /// Structure, dtypes and shapes only: for files that were just verified, or trusted.
  case structure
}
