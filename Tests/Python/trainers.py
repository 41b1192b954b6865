"""Trainers whose steps are dumped, right ones and wrong ones, each with the numbers that it really applies.

All of them train one small network by its numpy gradient. A trainer's `form` is what its lines come to, for a
weight or a bias, with g the gradient that is dumped:

    v' = a v + b g + c w        w' = w + d v' + e v + f g + h w
"""

from dataclasses import dataclass, field

import numpy as np

RATE, MOMENTUM, DECAY, BATCH, SAMPLES = 0.05, 0.9, 0.1, 16, 4_000


@dataclass
class Form:
    a: float = 0
    b: float = 0
    c: float = 0
    d: float = 0
    e: float = 0
    f: float = 0
    h: float = 0

    @property
    def whole(self) -> dict[str, float]:
        """What weights, buffers and gradients show; the old buffer's share is told by the new one."""
        p, q, r = self.d * self.a + self.e, self.d * self.b + self.f, self.d * self.c + self.h
        d = p / (self.a or 1)
        return {
            "a": self.a, "b": self.b, "c": self.c, "p": p, "q": q, "r": r,
            "d": d, "f": q - d * self.b, "h": r - d * self.c,
        }  # fmt: skip

    @property
    def without_gradient(self) -> dict[str, float]:
        """What weights and buffers show, where f = 0 or the gradient can be told from the buffers."""
        f, b = self.f, self.b or 1
        return {
            "d": self.d + f / b, "e": self.e - f * self.a / b, "h": self.h - f * self.c / b,
        }  # fmt: skip

    @property
    def without_velocity(self) -> dict[str, float]:
        """What weights and gradients show."""
        n = self.whole
        determinant = n["a"] * (1 + n["r"]) - n["p"] * n["c"]
        return {
            "D": determinant, "L": 1 - (n["a"] + 1 + n["r"]) + determinant, "q": n["q"],
            "kappa": n["p"] * n["b"] - n["q"] * n["a"],
        }  # fmt: skip


class Layer:
    """A dense layer; trainers inherit it and write `update`."""

    def __init__(self, W: np.ndarray):
        self.W, self.b = W, np.zeros(W.shape[1], W.dtype)
        self.weight_velocity, self.bias_velocity = np.zeros_like(W), np.zeros_like(self.b)
        self.learning_rate, self.momentum, self.weight_decay = RATE, MOMENTUM, DECAY

    def update(self, layers: list["Layer"]) -> None:
        raise NotImplementedError

    @staticmethod
    def form(is_weight: bool) -> Form:
        raise NotImplementedError


# What texts teach.


class Question(Layer):
    """The seed's code, its gradient averaged."""

    n_samples = BATCH

    def update(self, layers):
        weight_decay_term = (self.learning_rate * self.weight_decay / self.n_samples) * self.W
        weight_velocity = self.momentum * self.weight_velocity + self.dW
        self.W = self.W - weight_decay_term - self.learning_rate * weight_velocity
        self.weight_velocity = np.copy(weight_velocity)
        bias_velocity = self.momentum * self.bias_velocity + self.db
        self.b = self.b - self.learning_rate * bias_velocity
        self.bias_velocity = np.copy(bias_velocity)

    @classmethod
    def form(cls, is_weight):
        return Form(a=MOMENTUM, b=1, d=-RATE, h=-RATE * DECAY / cls.n_samples if is_weight else 0)


class Answer(Question):
    """The answer's n for m."""

    n_samples = SAMPLES


class QuestionSummed(Question):
    """The seed's code on a summed gradient; what is dumped is the mean, a reference."""

    def update(self, layers):
        mean = self.dW, self.db
        self.dW, self.db = self.dW * BATCH, self.db * BATCH
        super().update(layers)
        self.dW, self.db = mean

    @classmethod
    def form(cls, is_weight):
        form = Question.form(is_weight)
        form.b = BATCH
        return form


class Plain(Layer):
    def update(self, layers):
        self.W = self.W - self.learning_rate * self.dW
        self.b = self.b - self.learning_rate * self.db

    @staticmethod
    def form(is_weight):
        return Form(f=-RATE)


class Nielsen(Layer):
    def update(self, layers):
        penalty = self.learning_rate * self.weight_decay / SAMPLES
        self.weight_velocity = (
            self.momentum * self.weight_velocity - self.learning_rate * self.dW - penalty * self.W
        )
        self.W = self.W + self.weight_velocity
        self.bias_velocity = self.momentum * self.bias_velocity - self.learning_rate * self.db
        self.b = self.b + self.bias_velocity

    @staticmethod
    def form(is_weight):
        return Form(a=MOMENTUM, b=-RATE, c=-RATE * DECAY / SAMPLES if is_weight else 0, d=1)


class CS230(Layer):
    def update(self, layers):
        gradient = self.dW + self.weight_decay / BATCH * self.W
        self.weight_velocity = self.momentum * self.weight_velocity + (1 - self.momentum) * gradient
        self.bias_velocity = self.momentum * self.bias_velocity + (1 - self.momentum) * self.db
        self.W = self.W - self.learning_rate * self.weight_velocity
        self.b = self.b - self.learning_rate * self.bias_velocity

    @staticmethod
    def form(is_weight):
        decay = (1 - MOMENTUM) * DECAY / BATCH if is_weight else 0
        return Form(a=MOMENTUM, b=1 - MOMENTUM, c=decay, d=-RATE)


class CS231nNesterov(Layer):
    def update(self, layers):
        gradients = self.dW + self.weight_decay * self.W, self.db
        before = self.weight_velocity, self.bias_velocity
        self.weight_velocity, self.bias_velocity = (
            self.momentum * v - self.learning_rate * g for v, g in zip(before, gradients)
        )
        self.W = self.W - self.momentum * before[0] + (1 + self.momentum) * self.weight_velocity
        self.b = self.b - self.momentum * before[1] + (1 + self.momentum) * self.bias_velocity

    @staticmethod
    def form(is_weight):
        decay = -RATE * DECAY if is_weight else 0
        return Form(a=MOMENTUM, b=-RATE, c=decay, d=1 + MOMENTUM, e=-MOMENTUM)


# What goes wrong.


class DecayTwice(Question):
    """The decay is put into the velocity, and taken from the weight as well."""

    def update(self, layers):
        self.dW = self.dW + self.weight_decay * self.W
        super().update(layers)

    n_samples = 1

    @classmethod
    def form(cls, is_weight):
        form = Question.form.__func__(cls, is_weight)
        form.c = DECAY if is_weight else 0
        return form


class DecayDoubled(Layer):
    """The decay is coupled, of a penalty λ w² instead of λ/2 w²."""

    def update(self, layers):
        gradient = self.dW + 2 * self.weight_decay * self.W
        self.weight_velocity = self.momentum * self.weight_velocity + gradient
        self.bias_velocity = self.momentum * self.bias_velocity + self.db
        self.W = self.W - self.learning_rate * self.weight_velocity
        self.b = self.b - self.learning_rate * self.bias_velocity

    @staticmethod
    def form(is_weight):
        return Form(a=MOMENTUM, b=1, c=2 * DECAY if is_weight else 0, d=-RATE)


class VelocityNotStored(Layer):
    """The velocity is computed and used, but never kept."""

    def update(self, layers):
        weight_velocity = self.momentum * self.weight_velocity + self.dW
        bias_velocity = self.momentum * self.bias_velocity + self.db
        self.W = self.W - self.learning_rate * weight_velocity
        self.b = self.b - self.learning_rate * bias_velocity

    @staticmethod
    def form(is_weight):
        return Form(f=-RATE)


class BiasDecayed(Nielsen):
    """Nielsen's, which is for weights, with the decay of biases."""

    def update(self, layers):
        penalty = self.learning_rate * self.weight_decay / SAMPLES
        decayed = penalty * self.b
        super().update(layers)
        self.bias_velocity = self.bias_velocity - decayed
        self.b = self.b - decayed

    @staticmethod
    def form(is_weight):
        return Nielsen.form(True)


class WrongLookAhead(Layer):
    """Nesterov's, the look-ahead along the old velocity instead of the new one."""

    def update(self, layers):
        for name, gradient in (("W", self.dW), ("b", self.db)):
            velocity = "weight_velocity" if name == "W" else "bias_velocity"
            old = getattr(self, velocity)
            new = self.momentum * old - self.learning_rate * gradient
            setattr(self, velocity, new)
            setattr(self, name, getattr(self, name) + new + self.momentum * old)

    @staticmethod
    def form(is_weight):
        return Form(a=MOMENTUM, b=-RATE, d=1, e=MOMENTUM)


class RateTwice(Layer):
    """The learning rate is in the velocity, and before it as well."""

    def update(self, layers):
        self.weight_velocity = (
            self.momentum * self.weight_velocity - self.learning_rate * self.dW
        )
        self.bias_velocity = self.momentum * self.bias_velocity - self.learning_rate * self.db
        self.W = self.W + self.learning_rate * self.weight_velocity
        self.b = self.b + self.learning_rate * self.bias_velocity

    @staticmethod
    def form(is_weight):
        return Form(a=MOMENTUM, b=-RATE, d=RATE)


class WrongLayer(Layer):
    """The second and the third layer, which have one shape, take each other's velocity."""

    def update(self, layers):
        if self is not layers[-1]:
            return
        olds = [(layer.weight_velocity, layer.bias_velocity) for layer in layers]
        olds[1], olds[2] = olds[2], olds[1]
        for layer, (weight_velocity, bias_velocity) in zip(layers, olds):
            layer.weight_velocity = layer.momentum * weight_velocity + layer.dW
            layer.bias_velocity = layer.momentum * bias_velocity + layer.db
            layer.W = layer.W - layer.learning_rate * layer.weight_velocity
            layer.b = layer.b - layer.learning_rate * layer.bias_velocity


class GradientLate(Question):
    """The step is taken with the gradient of the step before."""

    def update(self, layers):
        now = self.dW, self.db
        self.dW, self.db = getattr(self, "late", (0 * self.dW, 0 * self.db))
        super().update(layers)
        self.late = self.dW, self.db = now


class Climbs(Question):
    """The sign of the step is wrong."""

    def update(self, layers):
        self.dW, self.db = -self.dW, -self.db
        super().update(layers)
        self.dW, self.db = -self.dW, -self.db

    @classmethod
    def form(cls, is_weight):
        form = Question.form(is_weight)
        form.b = -1
        return form


class DecaySignWrong(Question):
    """The decay makes weights grow."""

    @classmethod
    def form(cls, is_weight):
        form = Question.form(is_weight)
        form.h = -form.h
        return form

    def update(self, layers):
        self.weight_decay = -DECAY
        super().update(layers)


class Halving(Question):
    """The question's, the learning rate halved every other step."""

    count = 0

    def update(self, layers):
        self.learning_rate = RATE / 2 ** (self.count // 2)
        self.count += 1
        super().update(layers)


@dataclass
class Batches:
    """Random mini-batches: the first inputs are always 0, as the margins of pictures are."""

    seed: int = 1
    inputs: int = 24
    idle: int = 6
    classes: int = 5
    random: np.random.Generator = field(init=False)

    def __post_init__(self):
        self.random = np.random.default_rng(self.seed)
        self.centres = self.random.standard_normal((self.classes, self.inputs))

    def next(self) -> tuple[np.ndarray, np.ndarray]:
        labels = self.random.integers(0, self.classes, BATCH)
        inputs = self.centres[labels] + self.random.standard_normal((BATCH, self.inputs))
        inputs[:, : self.idle] = 0
        return inputs, labels


def first_weights(dtype: str, seed: int = 2) -> list[np.ndarray]:
    random = np.random.default_rng(seed)
    sizes = (24, 16, 16, 16, 5)
    return [
        (random.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype)
        for shape in zip(sizes, sizes[1:])
    ]


def fill_gradients(layers: list, inputs: np.ndarray, labels: np.ndarray) -> None:
    """The mean gradient of softmax and cross-entropy behind layers with tanh between them."""
    values = [inputs.astype(layers[0].W.dtype)]
    for index, layer in enumerate(layers):
        z = values[-1] @ layer.W + layer.b
        values.append(np.tanh(z) if layer is not layers[-1] else z)
    shares = np.exp(values[-1] - values[-1].max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    delta = shares / np.array(len(labels), values[0].dtype)
    for index in reversed(range(len(layers))):
        layer = layers[index]
        layer.dW, layer.db = values[index].T @ delta, delta.sum(0)
        if index:
            delta = delta @ layer.W.T * (1 - values[index] ** 2)
