"""What `flywheel explain` reads, from a network written in numpy."""

from pathlib import Path

import numpy as np


def dump(folder, step, layers):
    """Call it when the gradients are there and nothing has been updated yet."""
    arrays = {}
    for k, layer in enumerate(layers, start=1):
        arrays |= {f"W{k}": layer.W, f"dW{k}": layer.dW, f"vW{k}": layer.weight_velocity}
        arrays |= {f"b{k}": layer.b, f"db{k}": layer.db, f"vb{k}": layer.bias_velocity}
    Path(folder).mkdir(parents=True, exist_ok=True)
    np.savez(f"{folder}/step{step:03}.npz", **arrays)
