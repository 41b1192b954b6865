import CFlywheelSystem
import Dispatch
import Synchronization

/// Work that several processors share.
package enum Parallel {
  /// How many processors this process may run on; `taskset` lowers it.
  package static let processorCount = Int(fw_processor_count())

  /// Does something for each index on several threads, and waits until all is done.
  ///
  /// - Parameters:
  ///   - count: How many indices there are.
  ///   - body: Called once for each index, in any order, by several threads; not any more after an error.
  /// - Throws: What `body` throws; if several calls throw before all have stopped, the error of the smallest index.
  package static func forEach(
    _ count: Int,
    _ body: @Sendable (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let threadCount = min(count, processorCount)
    guard threadCount > 1 else {
      for index in 0..<count { try body(index) }
      return
    }
    let next = Atomic(0)
    let failure = Mutex<(index: Int, error: FlywheelError)?>(nil)
    DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
      while failure.withLock({ $0 == nil }) {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        do throws(FlywheelError) {
          try body(index)
        } catch {
          failure.withLock { first in
            if first.map({ index < $0.index }) ?? true { first = (index, error) }
          }
        }
      }
    }
    if let (_, error) = failure.withLock(\.self) { throw error }
  }
}
