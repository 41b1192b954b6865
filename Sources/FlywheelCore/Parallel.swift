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
  ///   - work: How much there is to do for each index, in any unit; empty if that is not known. What is a large part
  ///     of the whole is begun first, so that in the end no thread is alone with it.
  ///   - body: Called once for each index, in any order, by several threads; after an error only for smaller
  ///     indices.
  /// - Throws: What `body` throws; if several calls do, the error of the smallest index.
  package static func forEach(
    _ count: Int,
    work: [Int] = [],
    _ body: @Sendable (Int) throws(FlywheelError) -> Void
  ) throws(FlywheelError) {
    let threadCount = min(count, processorCount)
    guard threadCount > 1 else {
      for index in 0..<count { try body(index) }
      return
    }
    let order = work.count == count ? order(of: work) : []
    let next = Atomic(0)
    let failure = Mutex<(index: Int, error: FlywheelError)?>(nil)
    DispatchQueue.concurrentPerform(iterations: threadCount) { _ in
      while true {
        let place = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard place < count else { return }
        let index = order.isEmpty ? place : order[place]
        let isBehindFailure = failure.withLock { $0.map { $0.index < index } ?? false }
        if isBehindFailure { continue }
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

  /// The indices: first those with more than a small part of all work, the most work first, then the others.
  static func order(of work: [Int]) -> [Int] {
    // Sums of what files declare do not overflow as floating point.
    let smallPart = work.reduce(0) { $0 + Double($1) } / 256
    let large = work.indices.filter { Double(work[$0]) > smallPart }
    return large.sorted { (work[$0], $1) > (work[$1], $0) }
      + work.indices.filter { Double(work[$0]) <= smallPart }
  }
}
