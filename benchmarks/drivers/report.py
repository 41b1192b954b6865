"""Tables and targets as Markdown that is readable on a terminal too."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Target:
    """Something to reach, and what was measured, larger or smaller being better; a ratio, unless it
    says how it is shown."""

    name: str
    wanted: float
    median: float
    best: float
    at_least: bool = True
    show: Callable[[float], str] | None = None

    @property
    def line(self) -> list[str]:
        reached = self.median >= self.wanted if self.at_least else self.median <= self.wanted
        sign = ">=" if self.at_least else "<="
        show = self.show or (times if self.wanted >= 0.1 else share)
        wanted = f"{self.wanted:g}x" if show is times else show(self.wanted)
        return [
            "PASS" if reached else "MISS",
            self.name,
            f"{sign} {wanted}",
            *map(show, (self.median, self.best)),
        ]


@dataclass
class Table:
    title: str
    head: list[str]
    rows: list[list[str]]
    remarks: list[str] = field(default_factory=list)

    @property
    def markdown(self) -> str:
        lines = [self.head, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.head))]

        def row(cells: list[str]) -> str:
            padded = [
                cell.ljust(width) if column == 0 else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(cells, widths))
            ]
            return "| " + " | ".join(padded) + " |"

        rule = [
            "-" * width if column == 0 else "-" * (width - 1) + ":"
            for column, width in enumerate(widths)
        ]
        parts = [f"## {self.title}", "\n".join([row(self.head), row(rule), *map(row, self.rows)])]
        return "\n\n".join(parts + self.remarks) + "\n"


def targets_table(targets: list[Target]) -> Table:
    return Table(
        "Targets",
        ["", "target", "wanted", "by medians", "by best runs"],
        [target.line for target in targets],
    )


def times(ratio: float) -> str:
    """A ratio with the digits that it deserves."""
    return f"{ratio:.0f}x" if ratio >= 100 else f"{ratio:.1f}x" if ratio >= 10 else f"{ratio:.2f}x"


def share(ratio: float) -> str:
    """A small part of something, in percent."""
    return f"{ratio:.2%}"


def relative_size(ratio: float) -> str:
    """The size of a file as a part of another's; a thousandth of it counts."""
    return f"{ratio:.4f}"


def milliseconds(seconds: float) -> str:
    value = seconds * 1e3
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"
