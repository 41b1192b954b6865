"""What `flywheel explain` reads, from a PyTorch model and its optimizer."""

from pathlib import Path

import numpy as np


def dump(folder, step, model, optimizer):
    """Call it between `loss.backward()` and `optimizer.step()`."""
    arrays = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is None:  # frozen, or there was no backward() yet
            continue
        arrays |= {name: parameter, f"{name}.grad": parameter.grad}
        for slot, buffer in optimizer.state.get(parameter, {}).items():
            if buffer is not None:
                arrays[f"{name}.{slot}"] = buffer
    Path(folder).mkdir(parents=True, exist_ok=True)
    arrays = {key: array.detach().cpu() for key, array in arrays.items()}
    bits = {key: a.float() if a.element_size() == 2 else a for key, a in arrays.items()}  # bfloat16
    np.savez(f"{folder}/step{step:03}.npz", **{key: array.numpy() for key, array in bits.items()})
