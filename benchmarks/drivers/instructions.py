"""Counts the instructions of a training step under each rule of SGD's kin, beside PyTorch's.

A rule is a row of numbers to the trainer, so none may cost more than another. Instructions do not
depend on what else the machine does: callgrind counts those of two runs of different lengths, and their
difference is what the longer one's further steps took. It emulates a CPU without AVX-512, so the
kernels are those of x86-64-v3.

  benchmarks/instructions --quick                     some rules, half a minute
  benchmarks/instructions                             all of them, to the terminal
  benchmarks/instructions --write                     and to benchmarks/INSTRUCTIONS.md
  benchmarks/instructions --before OLD/flywheel       and PyTorch's rule under an older build

Builds what it measures, in release mode, unless --flywheel names it. Exits with 1 if a rule costs over
1 % more than PyTorch's.
"""

import argparse
import datetime
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import cpu_model, first_line
from report import Table

HERE = Path(__file__).resolve().parent.parent
LAYERS, BATCH, SAMPLES = "784-30-10", 10, 500
# The first epoch of both runs makes the buffers.
SHORT, LONG = 1, 5
STEPS = (LONG - SHORT) * (SAMPLES // BATCH)
LIMIT = 0.01
REFERENCE = ("pytorch",)
# What stands for all: another sign, an old velocity in the step, a size of batch, a correction.
QUICK = [
    ("keras", "nesterov"),
    ("caffe", "nesterov"),
    ("cs231n", "nesterov"),
    ("mxnet_nag_1_9",),
    ("question_summed",),
    ("nielsen", "momentum_correction"),
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/instructions",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="only some rules")
    parser.add_argument("--flywheel", type=Path, help="the binary to measure")
    parser.add_argument("--before", type=Path, help="an older binary to measure beside it")
    parser.add_argument("--write", action="store_true", help="write benchmarks/INSTRUCTIONS.md")
    return parser.parse_args()


def build() -> Path:
    scratch = HERE.parent / ".build-release"
    command = ["swift", "build", "--configuration", "release", "--product", "flywheel"]
    command += ["--static-swift-stdlib", "--package-path", str(HERE.parent)]
    command += ["--scratch-path", str(scratch)]
    print(" ".join(command), file=sys.stderr)
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit(result.stdout)
    return scratch / "release" / "flywheel"


def stripped(binary: Path, scratch: Path) -> Path:
    """A copy without symbols: valgrind stumbles over Swift's."""
    copy = Path(tempfile.mkdtemp(dir=scratch)) / "flywheel"
    shutil.copy(binary, copy)
    subprocess.run(["strip", "-s", str(copy)], check=True)
    return copy


def images(folder: Path) -> Path:
    """Random images of MNIST's size, the same each time."""
    folder.mkdir()
    generator = random.Random(0)
    for part, count in (("train", SAMPLES + BATCH), ("t10k", BATCH)):
        sizes = (count.to_bytes(4, "big"), (28).to_bytes(4, "big"), (28).to_bytes(4, "big"))
        pixels = generator.randbytes(784 * count)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\3" + b"".join(sizes) + pixels)
        labels = bytes(index % 10 for index in range(count))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1" + sizes[0] + labels)
    return folder


def rules(flywheel: Path) -> dict[str, list[str]]:
    """The rules of SGD's kin with the names of what they take."""
    result = subprocess.run([flywheel, "rules", "--json"], stdout=subprocess.PIPE, check=True)
    return {
        rule["name"]: [item["name"] for item in rule["hyperparameters"]]
        for rule in json.loads(result.stdout)["rules"]
        if rule["family"] == "sgd"
    }


def settings(rule: str, switches: tuple[str, ...], taken: list[str]) -> list[str]:
    numbers = {"learning_rate": 1e-4, "momentum": 0.9, "weight_decay": 1e-4, "l2": 1e-4}
    if "nesterov" in switches:
        numbers["dampening"] = 0
    words = ["--rule", rule]
    for name, number in numbers.items():
        if name in taken:
            words += [f"--{name.replace('_', '-')}", str(number)]
    # scikit-learn looks ahead by itself.
    if "nesterov" in taken and "nesterov" not in switches:
        words.append("--no-nesterov")
    return words + [f"--{switch.replace('_', '-')}" for switch in switches]


def count(flywheel: Path, data: Path, epochs: int, options: list[str], scratch: Path) -> int:
    """The instructions of a run."""
    output = Path(tempfile.mkdtemp(dir=scratch)) / "run"
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(flywheel)]
    command += ["train", "--data", str(data), "--layers", LAYERS, "--batch-size", str(BATCH)]
    command += ["--training", str(SAMPLES), "--validation", str(BATCH), "--epochs", str(epochs)]
    command += ["--save-every-epochs", "0", "--no-background", "--quiet"]
    result = subprocess.run(
        [*command, "--output", str(output), *options], capture_output=True, text=True
    )
    found = re.search(r"Collected : (\d+)", result.stderr)
    if result.returncode != 0 or not found:
        raise SystemExit(f"error: {' '.join(options)}\n{result.stderr}")
    return int(found[1])


def per_step(flywheel: Path, data: Path, options: list[str], scratch: Path) -> float:
    short, long = (count(flywheel, data, epochs, options, scratch) for epochs in (SHORT, LONG))
    return (long - short) / STEPS


def cases(taken: dict[str, list[str]], is_quick: bool) -> list[tuple[str, ...]]:
    """Each rule, and each of its switches alone."""
    if is_quick:
        return [REFERENCE, *QUICK]
    switches = ("nesterov", "maximize", "momentum_correction")
    others = [
        (rule, *switch)
        for rule, names in taken.items()
        for switch in [(), *((switch,) for switch in switches if switch in names)]
    ]
    return [REFERENCE, *(case for case in others if case != REFERENCE)]


def main() -> int:
    options = arguments()
    binary = options.flywheel or build()
    with tempfile.TemporaryDirectory(prefix="flywheel-instructions-") as folder:
        scratch = Path(folder)
        flywheel, data = stripped(binary, scratch), images(scratch / "images")
        taken = rules(flywheel)
        found: list[tuple[str, float]] = []

        def measure(name: str, program: Path, case: tuple[str, ...]) -> None:
            words = settings(case[0], case[1:], taken[case[0]])
            found.append((name, per_step(program, data, words, scratch)))
            share = found[-1][1] / found[0][1] - 1
            print(f"{name:45} {found[-1][1]:12,.0f} {share:+8.3%}", file=sys.stderr)

        for case in cases(taken, options.quick):
            measure(", ".join(case), flywheel, case)
        worst = max(number for _, number in found) / found[0][1] - 1
        if options.before:
            measure("pytorch, before", stripped(options.before, scratch), REFERENCE)

    kernels = "x86-64-v3's kernels" if "x86_64" in first_line("uname", "-m") else "this CPU's kernels"
    table = Table(
        f"Instructions of a step: {LAYERS}, batch {BATCH}, float32",
        ["rule", "instructions", "beside PyTorch's"],
        [
            [name, f"{number:,.0f}", f"{number / found[0][1] - 1:+.3%}"]
            for name, number in found
        ],
        [
            f"Momentum 0.9, a decay of 1e-4 where the rule has one; {kernels}; forward, backward, "
            f"shuffling and the sums of the metrics are in it. No rule may cost over {LIMIT:.0%} more "
            f"than PyTorch's; the costliest is at {worst:+.3%}.",
        ],
    )
    facts = Table(
        "Conditions",
        ["what", "value"],
        [
            ["date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")],
            ["CPU", cpu_model()],
            ["valgrind", first_line("valgrind", "--version")],
            ["commit", first_line("git", "-C", str(HERE), "describe", "--always", "--dirty")],
            ["Swift", first_line("swift", "--version")],
        ],
    )
    text = f"# Counted\n\nWritten by `benchmarks/instructions`.\n\n{table.markdown}\n{facts.markdown}"
    print(text)
    if options.write:
        (HERE / "INSTRUCTIONS.md").write_text(text)
    return 1 if worst > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
