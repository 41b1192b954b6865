import FlywheelCore
import Synchronization
import Testing

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

  @Test("There is at least one processor")
  func processorCount() {
    #expect(Parallel.processorCount >= 1)
  }
}
