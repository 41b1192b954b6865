import FlywheelCore
import FlywheelTrain
import Testing

@Suite struct EpochOrderTests {
  struct Golden: Sendable {
    var seed: UInt64
    var stream: UInt64
    var epoch: UInt64
    var order: [UInt32]
  }

  /// `np.argsort(np.random.Philox(key=[seed, stream], counter=[0, 0, 0, epoch]).random_raw(n),
  /// kind='stable')`, numpy 2.4.6.
  @Test(arguments: [
    Golden(seed: 0, stream: 0, epoch: 0, order: []),
    Golden(seed: 5, stream: 1, epoch: 2, order: [0]),
    Golden(seed: 42, stream: 7, epoch: 3, order: [6, 8, 9, 3, 2, 0, 5, 7, 1, 4]),
    Golden(
      seed: .max,
      stream: .max,
      epoch: .max,
      order: [9, 1, 8, 10, 0, 6, 4, 5, 2, 3, 7, 11]
    ),
  ])
  func `an order is numpy's stable argsort`(golden: Golden) {
    let order = EpochOrder.order(
      count: golden.order.count,
      seed: golden.seed,
      stream: golden.stream,
      epoch: golden.epoch
    )
    #expect(order == golden.order)
  }

  @Test func `an order of 300,000 samples is numpy's`() {
    // So many that ten of them are only put right by the lower halves of their words.
    let order = EpochOrder.order(count: 300_000, seed: 1, stream: 2, epoch: 4)
    // In numpy, `zlib.crc32(order.astype('<u4').tobytes())`.
    #expect(CRC32.checksum(order.rawBytes) == 0xCA15_1F7D)
  }

  @Test func `epochs, streams and seeds have orders of their own`() {
    let orders = [(1, 1, 0), (1, 1, 1), (1, 2, 0), (2, 1, 0)].map { seed, stream, epoch in
      EpochOrder.order(count: 50, seed: seed, stream: stream, epoch: epoch)
    }
    #expect(Set(orders).count == orders.count)
    for order in orders { #expect(order.sorted() == Array(0..<50)) }
  }
}
