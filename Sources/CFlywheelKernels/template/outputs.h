// Output layers: from logits to loss, hits and delta in one visit of a row.

/// 1 at the label's lane, if it is one of the columns first, first + 1, …
INLINE vector one_hot(ptrdiff_t label, ptrdiff_t first) {
  return lane_numbers() == (whole_vector)(whole)(label - first) ? splat(1) : splat(0);
}

/// Whether the label's logit is the first greatest. No branch depends on a logit, so that none is
/// mispredicted; and every comparison with NaN fails.
INLINE ptrdiff_t is_hit(const real *z, ptrdiff_t classes, ptrdiff_t label) {
  const real best = z[label];
  int hit = 1;
  for (ptrdiff_t i = 0; i < label; i++) hit &= z[i] < best;
  for (ptrdiff_t i = label; i < classes; i++) hit &= z[i] <= best;
  return hit;
}

static double sigmoid_cross_entropy(real *z, ptrdiff_t stride, const uint16_t *labels,
                                    ptrdiff_t batch, ptrdiff_t classes, real scale,
                                    ptrdiff_t *correct) {
  // 1 + exp(-|z|) is at most 2, so that the product of a block of them is far from overflow, and one
  // logarithm serves them all.
  enum { block = 64 };
  double total = 0;
  ptrdiff_t hits = 0;
  for (ptrdiff_t s = 0; s < batch; s++, z += stride) {
    const ptrdiff_t label = labels[s];
    hits += is_hit(z, classes, label);
    double loss = -(double)z[label];
    for (ptrdiff_t first = 0; first < classes; first += block) {
      const ptrdiff_t end = classes - first < block ? classes : first + block;
      _Alignas(64) real decay[block];
      for (ptrdiff_t k = first; k < end; k += LANES) {
        const vector value = load(z + k);
        store(decay + (k - first), exponential(value < 0 ? value : -value));
      }
      double product = 1;
      for (ptrdiff_t i = first; i < end; i++) {
        loss += z[i] > 0 ? (double)z[i] : 0;
        product *= 1 + (double)decay[i - first];
      }
      loss += log(product);
      for (ptrdiff_t k = first; k < end; k += LANES) {
        const vector fall = load(decay + (k - first));
        const vector sigmoid = (load(z + k) < 0 ? fall : splat(1)) / (1 + fall);
        const vector delta = (sigmoid - one_hot(label, k)) * scale;
        store(z + k, columns_below(classes, k) ? delta : splat(0));
      }
    }
    total += loss;
  }
  *correct = hits;
  return total;
}

static double softmax_cross_entropy(real *z, ptrdiff_t stride, const uint16_t *labels,
                                    ptrdiff_t batch, ptrdiff_t classes, real scale,
                                    ptrdiff_t *correct) {
  double total = 0;
  ptrdiff_t hits = 0;
  for (ptrdiff_t s = 0; s < batch; s++, z += stride) {
    const ptrdiff_t label = labels[s];
    hits += is_hit(z, classes, label);
    // With the greatest logit taken away no exponential overflows and one is 1. A NaN is never the
    // greatest, but it is still in the sum.
    real greatest = z[label];
    for (ptrdiff_t i = 0; i < classes; i++) greatest = z[i] > greatest ? z[i] : greatest;
    double loss = (double)greatest - (double)z[label];
    for (ptrdiff_t k = 0; k < classes; k += LANES) store(z + k, exponential(load(z + k) - greatest));
    double sum = 0;
    for (ptrdiff_t i = 0; i < classes; i++) sum += (double)z[i];
    total += loss + log(sum);
    for (ptrdiff_t k = 0; k < classes; k += LANES) {
      const vector delta = (load(z + k) / (real)sum - one_hot(label, k)) * scale;
      store(z + k, columns_below(classes, k) ? delta : splat(0));
    }
  }
  *correct = hits;
  return total;
}

static double squared_error(real *z, ptrdiff_t stride, const uint16_t *labels, ptrdiff_t batch,
                            ptrdiff_t classes, real scale, ptrdiff_t *correct) {
  double total = 0;
  ptrdiff_t hits = 0;
  for (ptrdiff_t s = 0; s < batch; s++, z += stride) {
    const ptrdiff_t label = labels[s];
    hits += is_hit(z, classes, label);
    double sum = 0;
    for (ptrdiff_t i = 0; i < classes; i++) {
      const double error = (double)z[i] - (i == label);
      sum += error * error;
    }
    total += sum / 2;
    for (ptrdiff_t k = 0; k < classes; k += LANES) {
      const vector delta = (load(z + k) - one_hot(label, k)) * scale;
      store(z + k, columns_below(classes, k) ? delta : splat(0));
    }
  }
  *correct = hits;
  return total;
}

static double sigmoid_squared_error(real *z, ptrdiff_t stride, const uint16_t *labels,
                                    ptrdiff_t batch, ptrdiff_t classes, real scale,
                                    ptrdiff_t *correct) {
  double total = 0;
  ptrdiff_t hits = 0;
  for (ptrdiff_t s = 0; s < batch; s++, z += stride) {
    const ptrdiff_t label = labels[s];
    hits += is_hit(z, classes, label);
    double sum = 0;
    for (ptrdiff_t k = 0; k < classes; k += LANES) {
      const vector value = load(z + k);
      const vector fall = exponential(value < 0 ? value : -value);
      const vector sigmoid = (value < 0 ? fall : splat(1)) / (1 + fall);
      // 1 - sigmoid, to as many digits.
      const vector rest = (value < 0 ? splat(1) : fall) / (1 + fall);
      const vector error = one_hot(label, k) == 1 ? -rest : sigmoid;
      const vector delta = error * (sigmoid * rest) * scale;
      store(z + k, columns_below(classes, k) ? delta : splat(0));
      const ptrdiff_t end = classes - k < LANES ? classes - k : LANES;
      for (ptrdiff_t i = 0; i < end; i++) sum += (double)error[i] * (double)error[i];
    }
    total += sum / 2;
  }
  *correct = hits;
  return total;
}
