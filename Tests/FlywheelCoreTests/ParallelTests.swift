import Synchronization
import Testing

@testable import FlywheelCore

@Suite("Work on several processors")
struct ParallelTests {
  @Test("Every index is visited once", arguments: [0, 1, 2, 3, 1000])
  func everyIndexOnce(count: Int) throws {
    let visits = Mutex([Int](repeating: 0, count: count))
    try Parallel.forEach(count) { index throws(FlywheelError) in
      visits.withLock { $0[index] += 1 }
    }
    #expect(visits.withLock(\.self).allSatisfy { $0 == 1 })
  }

  @Test("An error ends the work and is thrown")
  func errorEndsWork() {
    let visits = Mutex(0)
    let error = #expect(throws: FlywheelError.self) {
      try Parallel.forEach(1_000_000) { index throws(FlywheelError) in
        visits.withLock { $0 += 1 }
        if index >= 10 { throw FlywheelError(.corrupted, "index \(index)") }
      }
    }
    #expect(error?.code == .corrupted)
    #expect(visits.withLock(\.self) < 1_000_000)
  }

  @Test(
    "What is a large part of the work comes first, the rest in its order",
    arguments: [
      ([], []), ([5], [0]), ([1, 3, 2], [1, 2, 0]), ([2, 2, 2], [0, 1, 2]), ([0, 0], [0, 1]),
      ([0, 9, 0, 9], [1, 3, 0, 2]), ([1, 100_000, 2, 200_000], [3, 1, 0, 2]),
      ([.max, 1, .max], [0, 2, 1]),
    ] as [([Int], [Int])]
  )
  func order(of work: [Int], _ order: [Int]) {
    #expect(Parallel.order(of: work) == order)
  }

  @Test("However the work is distributed, every index is visited once", arguments: [2, 300, 1000])
  func everyIndexOnceInOrder(count: Int) throws {
    let visits = Mutex([Int](repeating: 0, count: count))
    let work = (0..<count).map { $0 * $0 % 97 * ($0 % 100 == 7 ? 10_000 : 1) }
    try Parallel.forEach(count, work: work) { index throws(FlywheelError) in
      visits.withLock { $0[index] += 1 }
    }
    #expect(visits.withLock(\.self).allSatisfy { $0 == 1 })
  }

  @Test("The error is that of the smallest index, whatever is begun first", arguments: 0..<20)
  func smallestIndexThrows(seed: Int) {
    var words = Philox(seed: UInt64(seed), stream: 0)
    let work = (0..<300).map { _ in Int(words.next() % 1000) }
    let bad = Set((0..<8).map { _ in Int(words.next() % 300) })
    let error = #expect(throws: FlywheelError.self) {
      try Parallel.forEach(work.count, work: work) { index throws(FlywheelError) in
        if bad.contains(index) { throw FlywheelError(.corrupted, "index \(index)") }
      }
    }
    #expect(error?.message == bad.min().map { "index \($0)" })
  }

  @Test("There is at least one processor")
  func processorCount() {
    #expect(Parallel.processorCount >= 1)
  }
}
