#!/usr/bin/env python3
"""Moves one run from torch to Flywheel, to Keras, to numpy and back to torch, and draws its loss.

    python move.py               # in ./legs
    python move.py --no-keras    # without the leg that needs Keras
"""

import argparse
import json
import shlex
import subprocess
import sys
from pathlib import Path

import shared

HERE = Path(__file__).resolve().parent

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--flywheel", default="flywheel", help="the program, as the shell finds it or in full")
parser.add_argument("--folder", type=Path, default=Path("legs"), help="where files go; must be new")
parser.add_argument("--no-keras", action="store_true", help="leave Keras out")
arguments = parser.parse_args()
folder = arguments.folder
folder.mkdir(parents=True)


def run(*command) -> None:
    """Says a command as one would type it, and runs it in the folder."""
    words = list(map(str, command))
    print("$", shlex.join(words), flush=True)
    if words[0] == "python":
        words[0:2] = [sys.executable, "-B", str(HERE / words[1])]
    elif words[0] == "flywheel":
        words[0] = arguments.flywheel
    subprocess.run(words, check=True, cwd=folder)


# What a file of arrays does not say of the run that it is of.
numbers = ["--lr", shared.RATE, "--momentum", shared.MOMENTUM]

run("flywheel", "digits", "digits.npz")

# 1. torch begins. Its checkpoint says all that is needed of the optimizer.
run("python", "train_torch.py", 0, 2, "--log", "1-torch", "--output", "torch.pt")

# 2. Flywheel goes on with that file, for epochs 3 and 4.
run(
    "flywheel", "resume", "torch.pt", "--data", "digits.npz",
    "--batch-size", shared.BATCH, "--training", shared.TRAINING, "--validation", 0,
    "--activation", "relu", "--loss", "softmax_cross_entropy", "--seed", shared.SEED,
    "--epochs", 4, "--output", "2-flywheel",
)  # fmt: skip
state, epoch = "2-flywheel", 4

# 3. Keras: transposed kernels, and a velocity that holds the learning rate.
if not arguments.no_keras:
    run("flywheel", "convert", state, "to.weights.h5", "--to", "keras")
    run(
        "python", "train_keras.py", epoch, epoch + 2, "--log", "3-keras",
        "--input", "to.weights.h5", "--output", "from.weights.h5",
    )  # fmt: skip
    run(
        "flywheel", "convert", "from.weights.h5", "keras.h5",
        "--from", "keras", "--rule", "keras", *numbers, "--to", "flywheel",
    )  # fmt: skip
    state, epoch = "keras.h5", epoch + 2

# 4. numpy, with the names and the velocity of cs231n's notes.
run("flywheel", "convert", state, "to.npz", "--to", "cs231n")
run(
    "python", "train_numpy.py", epoch, epoch + 2, "--log", "4-numpy",
    "--input", "to.npz", "--output", "from.npz",
)  # fmt: skip
epoch += 2

# 5. Back to torch, which takes the file as it is.
run(
    "flywheel", "convert", "from.npz", "back.pt", "--to", "pytorch",
    "--from", "cs231n", "--rule", "cs231n", *numbers, "--step", epoch * shared.STEPS,
)  # fmt: skip
run("python", "train_torch.py", epoch, epoch + 2, "--log", "5-torch", "--input", "back.pt")
epoch += 2

# The same run, which stayed where it was.
run("python", "train_torch.py", 0, epoch, "--log", "stayed")

legs = sorted(path.name for path in folder.iterdir() if path.name[0].isdigit())
run("flywheel", "plot", "stayed", *legs, "--metric", "training_loss", "--output", "losses.svg")


def losses(name: str) -> list[float]:
    lines = (folder / name / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["training_loss"] for line in lines]


stayed, moved = losses("stayed"), [loss for leg in legs for loss in losses(leg)]
assert len(stayed) == len(moved)
apart = max(abs(one - other) / one for one, other in zip(stayed, moved))
print(f"the losses of {len(moved)} epochs are equal to {apart:.1e}: {folder / 'losses.svg'}")
sys.exit(apart > 1e-3)
