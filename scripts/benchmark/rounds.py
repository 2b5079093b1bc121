"""Rows that are measured in turn, A B C A B C, and what the rounds come to: medians, and ratios within each round."""
import statistics
import sys
import time
from typing import Callable, NamedTuple

from .failed import Failed
from .usage import Foreign

# Of a round's time: above it, others were at work, and the round is told of.
FOREIGN_SHARE = 0.1
# The kernel counts in ticks of 10 ms: a round that is shorter than this is taken for as long.
SHORTEST_S = 0.5


class Row(NamedTuple):
    """`run` gives its figures by their names, or fails; `base` names the row that it is compared with."""

    name: str
    base: str
    run: Callable[[], dict]


class Round(NamedTuple):
    """The figures of each row, or {"failed": why}; and the share of a core that others had."""

    figures: dict
    foreign: float


def measure(title, rows, count):
    """Every row once a round."""
    rounds = []
    for number in range(1, count + 1):
        foreign, start, figures = Foreign(), time.monotonic(), {}
        for row in rows:
            progress(f"{title}: round {number} of {count}, {row.name}")
            try:
                figures[row.name] = row.run()
            except Failed as failed:
                figures[row.name] = {"failed": str(failed)}
        took = max(time.monotonic() - start, SHORTEST_S)
        rounds.append(Round(figures, foreign.seconds() / took))
    progress("")
    return rounds


def progress(text):
    """A line at a terminal, nothing elsewhere."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text[:100]}")
        sys.stderr.flush()


def column(rounds, name, key):
    """A figure of a row in each round in which there was one.

    >>> column([Round({"a": {"rate": 5}}, 0), Round({"a": {"failed": "reset"}}, 0)], "a", "rate")
    [5]
    """
    return [found.figures[name][key] for found in rounds if key in found.figures[name]]


def median(rounds, name, key):
    """The median of a row's figure, or None where no round had one."""
    found = column(rounds, name, key)
    return statistics.median(found) if found else None


def quartiles(values):
    """The median with the quartiles around it.

    >>> quartiles([1, 2, 3, 4, 100])
    (2.0, 3.0, 4.0)
    >>> quartiles([7])
    (7, 7, 7)
    """
    if len(values) == 1:
        return (values[0],) * 3
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def ratios(rounds, over, under, key):
    """Quartiles of the ratio of two rows within each round in which both have the figure; None where none has.

    >>> slow, fast = ({"swb": {"rate": 2 * phase}, "nc": {"rate": phase}} for phase in (10, 1000))
    >>> ratios([Round(slow, 0), Round(fast, 0)], "swb", "nc", "rate")
    (2.0, 2.0, 2.0)
    >>> ratios([Round({"swb": {"rate": 1}, "nc": {"failed": "missing"}}, 0)], "swb", "nc", "rate")
    """
    pairs = ((found.figures.get(over, {}).get(key), found.figures.get(under, {}).get(key)) for found in rounds)
    found = [above / below for above, below in pairs if above is not None and below]
    return quartiles(found) if found else None


def failures(rounds, name):
    """Why a row has no figures, with the numbers of those rounds: [(why, [number, ...])].

    >>> failures([Round({"a": {"failed": "reset"}}, 0), Round({"a": {}}, 0), Round({"a": {"failed": "reset"}}, 0)], "a")
    [('reset', [1, 3])]
    """
    found = {}
    for number, each in enumerate(rounds, 1):
        if "failed" in each.figures[name]:
            found.setdefault(each.figures[name]["failed"], []).append(number)
    return list(found.items())


def noisy(rounds):
    """The rounds that others disturbed: [(number, share of a core)]."""
    return [(number, each.foreign) for number, each in enumerate(rounds, 1) if each.foreign > FOREIGN_SHARE]
