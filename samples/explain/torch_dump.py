"""What `flywheel explain` reads, from a PyTorch model and its optimizer."""

from pathlib import Path

import numpy as np


def dump(folder, step, model, optimizer):
    """Call it between `loss.backward()` and `optimizer.step()`."""
    arrays = {}
    for name, parameter in model.named_parameters():
        arrays |= {name: parameter, f"{name}.grad": parameter.grad}
        for slot, buffer in optimizer.state.get(parameter, {}).items():
            if buffer is not None:
                arrays[f"{name}.{slot}"] = buffer
    Path(folder).mkdir(parents=True, exist_ok=True)
    np.savez(f"{folder}/step{step:03}.npz", **{k: a.detach().cpu().numpy() for k, a in arrays.items()})
