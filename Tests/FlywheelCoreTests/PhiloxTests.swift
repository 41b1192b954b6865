import FlywheelCore
import Testing

@Suite struct PhiloxTests {
  /// The words of `np.random.Philox(key=key, counter=counter).random_raw(n)`, numpy 2.4.6, with key
  /// and counter as arrays of uint64 (lists of large integers become floats in numpy).
  static let goldens: [(state: [UInt64], words: [UInt64])] = [
    (
      [0, 0, 0, 0, 0, 0, 0],
      [
        0x02F4_BA64_08E4_D89B, 0x3DD6_2B0B_9CA8_C5B2, 0x1C86_67A5_5D90_2E79,
        0x907D_7A05_2FD5_B4DC, 0x809B_F322_8839_87C3,
      ]
    ),
    (
      [42, 7, 0, 0, 0, 3, 0],
      [
        0xA138_4317_4707_AF50, 0xE91F_702F_A7A2_0547, 0x701C_8C45_6C11_878B,
        0x69E4_98BE_9A5B_4438, 0xEFDA_53C5_E41E_03DF, 0xDA8D_7F82_D185_37E6,
        0x17AB_9FFE_67A1_D2EE, 0xDC0E_C06D_8434_45BD, 0x4670_15B6_6CA8_DB07,
      ]
    ),
    // The largest seed, stream and epoch.
    (
      [.max, .max, 0, 0, 0, .max, 0],
      [
        0x7B99_1DE8_C6DC_58AE, 0x54DF_84D8_EE9D_DCA7, 0xA36F_3B46_4BD8_7F11,
        0xB0E4_1065_3C76_2837, 0x9135_B569_FC27_0F33,
      ]
    ),
    // The counter carries, through one word, through three, and all the way round.
    (
      [1, 2, .max, 4, 0, 0, 0],
      [
        0xFA4D_53AD_930F_104E, 0x6A69_237F_3240_94DB, 0xF01C_AFB6_5F72_C351,
        0x8285_36C9_5D3C_0452, 0x672F_F383_4D80_5A25,
      ]
    ),
    (
      [1, 2, .max - 1, .max, .max, 5, 0],
      [
        0x9DE7_70FB_25DD_5680, 0x1FBD_E431_F518_D2B8, 0x4C16_68F9_94F4_0F9B,
        0x5335_0E30_4D0A_3AB2, 0xC93D_F26E_384E_A5B3, 0x8A5D_2FCA_46D9_7544,
        0x6AE7_EA67_9FA4_E1FF, 0x2F3C_7A0C_E1A5_2502, 0xE0FF_6B80_13F4_A78A,
      ]
    ),
    (
      [1, 2, .max, .max, .max, .max, 0],
      [
        0x46FD_F329_C224_985E, 0x49EB_D8A2_8E9E_C134, 0x528E_3EF0_7E63_0D40,
        0x69A5_7877_B5C5_20C8, 0x4F2F_4313_B553_6B09,
      ]
    ),
  ]

  @Test(arguments: goldens)
  func `the words are numpy's`(state: [UInt64], words: [UInt64]) throws {
    var generator = try Philox(words: state)
    #expect(words.map { _ in generator.next() } == words)
  }

  @Test(arguments: goldens)
  func `filling gives the same words as asking one by one`(
    state: [UInt64],
    words: [UInt64]
  ) throws {
    for consumed in 0..<4 {
      var generator = try Philox(words: state)
      for _ in 0..<consumed { _ = generator.next() }
      var filled = [UInt64](repeating: 0, count: words.count - consumed)
      generator.fill(&filled)
      #expect(filled == Array(words[consumed...]))
    }
  }

  @Test func `seed, stream and epoch become key and counter`() {
    let generator = Philox(seed: 42, stream: 7, epoch: 3)
    #expect(generator.words == [42, 7, 0, 0, 0, 3, 0])
    #expect(Philox(seed: .max, stream: .max).words == [.max, .max, 0, 0, 0, 0, 0])
  }

  @Test(arguments: goldens, 0..<10)
  func `a state goes on where it was taken`(
    golden: (state: [UInt64], words: [UInt64]),
    taken: Int
  ) throws {
    var generator = try Philox(words: golden.state)
    for _ in 0..<taken { _ = generator.next() }
    var resumed = try Philox(words: generator.words)
    #expect(resumed == generator)
    #expect(resumed.hashValue == generator.hashValue)
    #expect((0..<9).map { _ in resumed.next() } == (0..<9).map { _ in generator.next() })
    #expect(resumed == generator)
  }

  @Test(
    arguments: [
      (0, [1, 2, 0, 0, 0, 9, 0]), (1, [1, 2, 0, 0, 0, 9, 1]), (3, [1, 2, 0, 0, 0, 9, 3]),
      (4, [1, 2, 1, 0, 0, 9, 0]), (6, [1, 2, 1, 0, 0, 9, 2]),
    ] as [(Int, [UInt64])]
  )
  func `the state counts whole blocks and the words of the next one`(
    taken: Int,
    state: [UInt64]
  ) {
    var generator = Philox(seed: 1, stream: 2, epoch: 9)
    for _ in 0..<taken { _ = generator.next() }
    #expect(generator.words == state)
  }

  @Test(
    arguments: [
      [], [1, 2, 0, 0, 0, 0], [1, 2, 0, 0, 0, 0, 0, 0], [1, 2, 0, 0, 0, 0, 4],
      [1, 2, 0, 0, 0, 0, .max],
    ] as [[UInt64]]
  )
  func `words that are no state are refused`(words: [UInt64]) {
    let error = #expect(throws: FlywheelError.self) { try Philox(words: words) }
    #expect(error?.code == .malformed)
  }

  @Test func `uniform numbers are numpy's`() {
    var generator = Philox(seed: 42, stream: 7, epoch: 3)
    #expect(
      (0..<4).map { _ in generator.uniform() } == [
        0x1.4270862e8e0f5p-1, 0x1.d23ee05f4f440p-1, 0x1.c0723115b0460p-2, 0x1.a79262fa696d0p-2,
      ]
    )
  }

  @Test func `normal numbers have the moments of the normal distribution`() {
    var generator = Philox(seed: 1, stream: 1)
    let count = 20_000
    let values = (0..<count).map { _ in generator.normal() }
    let mean = values.reduce(0, +) / Double(count)
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)
    let kurtosis =
      values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) * ($1 - mean) * ($1 - mean) }
      / Double(count) / (variance * variance)
    // Five standard errors each.
    #expect(abs(mean) < 0.036)
    #expect(abs(variance - 1) < 0.05)
    #expect(abs(kurtosis - 3) < 0.18)
    #expect(generator.words == [1, 1, 10_000, 0, 0, 0, 0])
  }
}
