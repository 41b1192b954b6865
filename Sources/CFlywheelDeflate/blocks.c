#include "blocks.h"

#include "huffman.h"

#define LITERALS 256
#define END_OF_BLOCK 256
#define LENGTH_CODES 29
#define LITERAL_SYMBOLS (257 + LENGTH_CODES)
#define DISTANCE_SYMBOLS 30

// Four literals of at most 12 bits fit behind the seven bits that a flush may leave.
#define LITERAL_BITS_MAX 12
#define DISTANCE_BITS_MAX 15

#define FINAL 1
#define STORED 0
#define FIXED (1 << 1)
#define DYNAMIC (2 << 1)

// MARK: Lengths and distances (section 3.2.5)

struct part {
  uint32_t symbol, extra_bits, extra;
};

static inline uint32_t logarithm(uint32_t x) { return 31 - (uint32_t)__builtin_clz(x); }

static inline struct part length_part(uint32_t length) {
  const uint32_t x = length - FW_MATCH_MIN;
  if (length == FW_MATCH_MAX) return (struct part){257 + 28, 0, 0};
  if (x < 8) return (struct part){257 + x, 0, 0};
  const uint32_t bits = logarithm(x) - 2;
  return (struct part){257 + 4 * (bits + 1) + (x >> bits & 3), bits, x & ((1u << bits) - 1)};
}

/// `x` is the distance less one.
static inline struct part distance_part(uint32_t x) {
  if (x < 4) return (struct part){x, 0, 0};
  const uint32_t bits = logarithm(x) - 1;
  return (struct part){2 * (bits + 1) + (x >> bits & 1), bits, x & ((1u << bits) - 1)};
}

// MARK: Frequencies and sizes

struct frequencies {
  uint32_t literal[LITERAL_SYMBOLS];
  uint32_t distance[DISTANCE_SYMBOLS];
  uint64_t extra_bits;
};

void fw_count_bytes(const uint8_t *bytes, size_t count, uint32_t *frequency) {
  // Four tables, because equal bytes that follow each other would wait for one another.
  uint32_t table[4][256];
  memset(table, 0, sizeof table);
  size_t i = 0;
  for (; i + 8 <= count; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, sizeof word);
    for (int k = 0; k < 8; k++) table[k & 3][word >> 8 * k & 255]++;
  }
  for (; i < count; i++) table[0][bytes[i]]++;
  for (int b = 0; b < 256; b++) {
    frequency[b] = table[0][b] + table[1][b] + table[2][b] + table[3][b];
  }
}

static void start_frequencies(struct frequencies *f, const uint32_t *bytes) {
  memset(f, 0, sizeof *f);
  memcpy(f->literal, bytes, LITERALS * sizeof *bytes);
  f->literal[END_OF_BLOCK] = 1;
}

/// Counts what sequences say; `f` has all bytes of the segment.
static void count_sequences(struct frequencies *f, const uint8_t *bytes,
                            const struct fw_sequences *sequences) {
  for (size_t i = 0; i < sequences->count; i++) {
    const struct fw_sequence s = sequences->at[i];
    const struct part length = length_part(s.length), distance = distance_part(s.distance);
    bytes += s.literals;
    for (size_t k = 0; k < s.length; k++) f->literal[bytes[k]]--;
    bytes += s.length;
    f->literal[length.symbol]++;
    f->distance[distance.symbol]++;
    f->extra_bits += length.extra_bits + distance.extra_bits;
  }
}

struct codes {
  struct fw_code literal, distance;
};

static uint64_t coded_bits(const struct codes *codes, const struct frequencies *f) {
  uint64_t bits = f->extra_bits;
  for (int s = 0; s < LITERAL_SYMBOLS; s++) {
    bits += (uint64_t)f->literal[s] * codes->literal.length[s];
  }
  for (int s = 0; s < DISTANCE_SYMBOLS; s++) {
    bits += (uint64_t)f->distance[s] * codes->distance.length[s];
  }
  return bits;
}

// MARK: The description of dynamic codes (section 3.2.7)

#define REPEAT_LENGTH 16
#define REPEAT_ZERO 17
#define REPEAT_ZERO_LONG 18
#define DESCRIPTION_SYMBOLS 19

struct description {
  int literals, distances, order_count, count;
  uint8_t symbol[LITERAL_SYMBOLS + DISTANCE_SYMBOLS], extra[LITERAL_SYMBOLS + DISTANCE_SYMBOLS];
  struct fw_code code;
  uint32_t bits;
};

static const uint8_t description_order[DESCRIPTION_SYMBOLS] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                               11, 4,  12, 3, 13, 2, 14, 1, 15};

static int extra_bits_of_repeat(int symbol) {
  return symbol == REPEAT_LENGTH ? 2 : symbol == REPEAT_ZERO ? 3 : symbol == REPEAT_ZERO_LONG ? 7 : 0;
}

static void describe_run(struct description *d, int symbol, int extra) {
  d->symbol[d->count] = (uint8_t)symbol;
  d->extra[d->count++] = (uint8_t)extra;
}

static void describe(struct description *d, const struct codes *codes) {
  d->literals = LITERAL_SYMBOLS;
  while (d->literals > 257 && codes->literal.length[d->literals - 1] == 0) d->literals--;
  d->distances = DISTANCE_SYMBOLS;
  while (d->distances > 1 && codes->distance.length[d->distances - 1] == 0) d->distances--;

  uint8_t length[LITERAL_SYMBOLS + DISTANCE_SYMBOLS];
  memcpy(length, codes->literal.length, (size_t)d->literals);
  memcpy(length + d->literals, codes->distance.length, (size_t)d->distances);
  const int total = d->literals + d->distances;
  d->count = 0;
  for (int i = 0; i < total;) {
    int run = 1;
    while (i + run < total && length[i + run] == length[i]) run++;
    i += run;
    const int value = length[i - 1];
    if (value != 0) {
      describe_run(d, value, 0);
      run--;
    }
    while (run >= 3) {
      const int longest = value != 0 ? 6 : 138;
      int n = run < longest ? run : longest;
      // One or two left over would cost a symbol each.
      if (run - n == 1 || run - n == 2) n -= 3 - (run - n);
      if (n < 3) n = 3;
      if (value != 0) describe_run(d, REPEAT_LENGTH, n - 3);
      else if (n <= 10) describe_run(d, REPEAT_ZERO, n - 3);
      else describe_run(d, REPEAT_ZERO_LONG, n - 11);
      run -= n;
    }
    while (run-- > 0) describe_run(d, value, 0);
  }

  uint32_t frequency[DESCRIPTION_SYMBOLS] = {0};
  for (int i = 0; i < d->count; i++) frequency[d->symbol[i]]++;
  fw_code_lengths(frequency, DESCRIPTION_SYMBOLS, 7, d->code.length);
  d->order_count = DESCRIPTION_SYMBOLS;
  while (d->order_count > 4 && d->code.length[description_order[d->order_count - 1]] == 0) {
    d->order_count--;
  }
  d->bits = 5 + 5 + 4 + 3 * (uint32_t)d->order_count;
  for (int s = 0; s < DESCRIPTION_SYMBOLS; s++) {
    d->bits += frequency[s] * (uint32_t)(d->code.length[s] + extra_bits_of_repeat(s));
  }
}

static void write_description(struct fw_bits *bits, struct description *d) {
  fw_code_assign(&d->code, DESCRIPTION_SYMBOLS);
  fw_bits_add(bits, (uint64_t)(d->literals - 257), 5);
  fw_bits_add(bits, (uint64_t)(d->distances - 1), 5);
  fw_bits_add(bits, (uint64_t)(d->order_count - 4), 4);
  for (int i = 0; i < d->order_count; i++) {
    fw_bits_flush(bits);
    fw_bits_add(bits, d->code.length[description_order[i]], 3);
  }
  for (int i = 0; i < d->count; i++) {
    const int symbol = d->symbol[i];
    fw_bits_flush(bits);
    fw_bits_add(bits, d->code.bits[symbol], d->code.length[symbol]);
    fw_bits_add(bits, d->extra[i], extra_bits_of_repeat(symbol));
  }
}

// MARK: Codes

static void make_dynamic(struct codes *codes, const struct frequencies *f) {
  fw_code_lengths(f->literal, LITERAL_SYMBOLS, LITERAL_BITS_MAX, codes->literal.length);
  fw_code_lengths(f->distance, DISTANCE_SYMBOLS, DISTANCE_BITS_MAX, codes->distance.length);
}

/// Section 3.2.6. The code is complete only with two symbols that never occur, so it has two more.
static void make_fixed(struct codes *codes) {
  memset(codes, 0, sizeof *codes);
  memset(codes->literal.length, 8, 144);
  memset(codes->literal.length + 144, 9, 112);
  memset(codes->literal.length + 256, 7, 24);
  memset(codes->literal.length + 280, 8, 8);
  memset(codes->distance.length, 5, DISTANCE_SYMBOLS);
}

// Matches as long as this are worth their bits in any code.
#define PRUNED_LENGTH_MAX 32

// Fewer matches make their codes longer and other matches worthless.
#define PRUNING_ROUNDS 2

/// Takes out the matches that cost more bits than their bytes would, and counts anew. Matches are found
/// before it is known what literals cost.
static void prune(struct frequencies *f, const struct codes *codes, const uint8_t *bytes,
                  struct fw_sequences *sequences) {
  uint8_t literal_bits[LITERALS];
  for (int s = 0; s < LITERALS; s++) {
    const uint8_t length = codes->literal.length[s];
    literal_bits[s] = length > 0 ? length : LITERAL_BITS_MAX;
  }
  size_t kept = 0;
  uint32_t freed = 0;
  for (size_t i = 0; i < sequences->count; i++) {
    struct fw_sequence s = sequences->at[i];
    bytes += s.literals;
    const struct part length = length_part(s.length), distance = distance_part(s.distance);
    const uint32_t match_bits = codes->literal.length[length.symbol] + length.extra_bits +
                                codes->distance.length[distance.symbol] + distance.extra_bits;
    uint32_t bits = 0;
    if (s.length < PRUNED_LENGTH_MAX) {
      for (size_t k = 0; k < s.length; k++) bits += literal_bits[bytes[k]];
    }
    if (s.length < PRUNED_LENGTH_MAX && bits <= match_bits) {
      for (size_t k = 0; k < s.length; k++) f->literal[bytes[k]]++;
      f->literal[length.symbol]--;
      f->distance[distance.symbol]--;
      f->extra_bits -= length.extra_bits + distance.extra_bits;
      freed += s.literals + s.length;
    } else {
      s.literals += freed;
      freed = 0;
      sequences->at[kept++] = s;
    }
    bytes += s.length;
  }
  sequences->count = kept;
  sequences->covered -= freed;
}

// MARK: Writing

/// A literal's bits, and above them their number.
static inline uint32_t literal_entry(const struct fw_code *code, int literal) {
  return code->bits[literal] | (uint32_t)code->length[literal] << 16;
}

static inline __attribute__((always_inline)) void write_literals(struct fw_bits *bits,
                                                                 const uint32_t *entry,
                                                                 const uint8_t *bytes,
                                                                 size_t count) {
  struct fw_bits local = *bits;
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint32_t a = entry[bytes[i]], b = entry[bytes[i + 1]];
    const uint32_t c = entry[bytes[i + 2]], d = entry[bytes[i + 3]];
    // The two halves are put together while the flush before them is still under way.
    const uint32_t ab_count = (a >> 16) + (b >> 16);
    const uint64_t ab = (a & 0xffff) | (uint64_t)(b & 0xffff) << (a >> 16);
    const uint64_t cd = (c & 0xffff) | (uint64_t)(d & 0xffff) << (c >> 16);
    fw_bits_add(&local, ab | cd << ab_count, (int)(ab_count + (c >> 16) + (d >> 16)));
    fw_bits_flush(&local);
  }
  for (; i < count; i++) {
    const uint32_t a = entry[bytes[i]];
    fw_bits_add(&local, a & 0xffff, (int)(a >> 16));
    fw_bits_flush(&local);
  }
  *bits = local;
}

static void write_codes(struct fw_bits *bits, struct codes *codes, const uint8_t *bytes, size_t count,
                        const struct fw_sequences *sequences) {
  fw_code_assign(&codes->literal, FW_SYMBOLS_MAX);
  fw_code_assign(&codes->distance, DISTANCE_SYMBOLS);
  uint32_t entry[LITERALS];
  for (int s = 0; s < LITERALS; s++) entry[s] = literal_entry(&codes->literal, s);

  const uint8_t *const end = bytes + count;
  for (size_t i = 0; i < sequences->count; i++) {
    const struct fw_sequence s = sequences->at[i];
    write_literals(bits, entry, bytes, s.literals);
    bytes += s.literals + s.length;
    const struct part length = length_part(s.length), distance = distance_part(s.distance);
    fw_bits_add(bits, codes->literal.bits[length.symbol], codes->literal.length[length.symbol]);
    fw_bits_add(bits, length.extra, (int)length.extra_bits);
    fw_bits_add(bits, codes->distance.bits[distance.symbol],
                codes->distance.length[distance.symbol]);
    fw_bits_add(bits, distance.extra, (int)distance.extra_bits);
    fw_bits_flush(bits);
  }
  write_literals(bits, entry, bytes, (size_t)(end - bytes));
  fw_bits_add(bits, codes->literal.bits[END_OF_BLOCK], codes->literal.length[END_OF_BLOCK]);
  fw_bits_flush(bits);
}

// MARK: Streams

/// Stored blocks (section 3.2.4), of which the last one may be the stream's last.
static void write_stored(struct fw_stream *stream, int is_last) {
  struct fw_bits *bits = &stream->bits;
  do {
    const size_t n = stream->waiting_count < 65535 ? stream->waiting_count : 65535;
    fw_bits_add(bits, is_last && n == stream->waiting_count ? FINAL | STORED : STORED, 3);
    fw_bits_align(bits);
    uint8_t *next = bits->next;
    next[0] = (uint8_t)n;
    next[1] = (uint8_t)(n >> 8);
    next[2] = (uint8_t)~n;
    next[3] = (uint8_t)(~n >> 8);
    memmove(next + 4, stream->waiting, n);
    bits->next = next + 4 + n;
    stream->waiting += n;
    stream->waiting_count -= n;
  } while (stream->waiting_count > 0);
}

void fw_stream_store(struct fw_stream *stream, const uint8_t *bytes, size_t count) {
  if (stream->waiting_count > 0 && stream->waiting + stream->waiting_count == bytes) {
    stream->waiting_count += count;
    return;
  }
  if (stream->waiting_count > 0) write_stored(stream, 0);
  stream->waiting = bytes;
  stream->waiting_count = count;
}

/// The codes for bytes and their matches, of which those are taken out that are not worth their bits.
static uint64_t choose_codes(struct codes *codes, struct description *description,
                             struct frequencies *f, const uint8_t *bytes,
                             const uint32_t *byte_frequency, struct fw_sequences *sequences) {
  memset(codes, 0, sizeof *codes);
  start_frequencies(f, byte_frequency);
  count_sequences(f, bytes, sequences);
  make_dynamic(codes, f);
  for (int round = 0; round < PRUNING_ROUNDS && sequences->count > 0; round++) {
    prune(f, codes, bytes, sequences);
    make_dynamic(codes, f);
  }
  describe(description, codes);
  return 3 + description->bits + coded_bits(codes, f);
}

uint64_t fw_segment_bits(const uint8_t *bytes, const uint32_t *byte_frequency,
                         struct fw_sequences *sequences) {
  struct frequencies f;
  struct codes codes;
  struct description description;
  return choose_codes(&codes, &description, &f, bytes, byte_frequency, sequences);
}

void fw_stream_segment(struct fw_stream *stream, const uint8_t *bytes, size_t count,
                       const uint32_t *byte_frequency, struct fw_sequences *sequences, int is_last) {
  struct frequencies f;
  struct codes codes, fixed;
  struct description description;
  const uint64_t dynamic_bits = choose_codes(&codes, &description, &f, bytes, byte_frequency, sequences);
  make_fixed(&fixed);
  const uint64_t fixed_bits = 3 + coded_bits(&fixed, &f);
  const uint64_t smaller = dynamic_bits < fixed_bits ? dynamic_bits : fixed_bits;
  // Codes between stored bytes split these, which costs another header.
  if (smaller + 2 * FW_STORED_OVERHEAD >= 8 * (uint64_t)count) {
    fw_stream_store(stream, bytes, count);
    return;
  }
  if (stream->waiting_count > 0) write_stored(stream, 0);
  stream->has_ended = is_last;
  struct fw_bits *bits = &stream->bits;
  if (fixed_bits <= dynamic_bits) {
    fw_bits_add(bits, (is_last ? FINAL : 0) | FIXED, 3);
    fw_bits_flush(bits);
    write_codes(bits, &fixed, bytes, count, sequences);
  } else {
    fw_bits_add(bits, (is_last ? FINAL : 0) | DYNAMIC, 3);
    write_description(bits, &description);
    fw_bits_flush(bits);
    write_codes(bits, &codes, bytes, count, sequences);
  }
}

void fw_stream_end(struct fw_stream *stream, int is_last) {
  struct fw_bits *bits = &stream->bits;
  if (stream->has_ended) {
    fw_bits_align(bits);
  } else if (stream->waiting_count > 0) {
    write_stored(stream, is_last);  // ends on a byte
  } else if (is_last) {
    // The shortest final block: nothing but fixed codes' end, seven zeros.
    fw_bits_add(bits, FINAL | FIXED, 3 + 7);
    fw_bits_align(bits);
  } else {
    write_stored(stream, 0);
  }
}
