/// The output layer's function together with the loss that is measured on it.
public enum Loss: String, Sendable, Hashable, CaseIterable {
  /// Independent logistic outputs with binary cross-entropy summed over the classes.
  case sigmoidCrossEntropy = "sigmoid_cross_entropy"
  /// Softmax with the negative log-likelihood of the label.
  case softmaxCrossEntropy = "softmax_cross_entropy"
}
