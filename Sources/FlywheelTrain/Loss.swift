/// The output layer's function together with the loss that is measured on it.
public enum Loss: String, Sendable, Hashable, CaseIterable {
  /// Independent logistic outputs with binary cross-entropy summed over the classes.
  case sigmoidCrossEntropy = "sigmoid_cross_entropy"
  /// Softmax with the negative log-likelihood of the label.
  case softmaxCrossEntropy = "softmax_cross_entropy"
  /// The sums themselves with half the squared distance to the one-hot label:
  /// `0.5 * torch.nn.MSELoss(reduction="sum")` of a sample.
  case squaredError = "squared_error"
  /// Independent logistic outputs with half the squared distance to the one-hot label, which is the
  /// quadratic cost of Nielsen's book: the same `MSELoss` behind a `torch.nn.Sigmoid`.
  case sigmoidSquaredError = "sigmoid_squared_error"
}
