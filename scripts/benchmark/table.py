"""A scenario's rounds as a Markdown table, and below it what went wrong in them."""
from typing import Callable, NamedTuple

from . import rounds as over


class Figure(NamedTuple):
    """A column with the medians of one figure."""

    title: str
    key: str
    text: Callable[[float], str]


class Ratio(NamedTuple):
    """A column with the ratios of one figure: the row over its base, or, inverse, the base over the row."""

    title: str
    key: str
    inverse: bool = False


def rate(unit):
    return lambda value: f"{significant(value)} {unit}"


def micros(seconds):
    return f"{seconds * 1e6:,.2f} µs"


def percent(share):
    return f"{share:.0%}"


def significant(value):
    """Four digits, none of them lost.

    >>> [significant(value) for value in (123456, 7.0, 0.5, 0.01234, -0.004)]
    ['123,500', '7.00', '0.50', '0.01', '0.00']
    """
    if abs(value) >= 1000:
        digits = len(str(int(abs(value)))) - 4
        return f"{round(value, -digits):,.0f}"
    return f"{value:.4g}" if abs(value) >= 100 else hundredths(value)


def hundredths(value):
    """Two places, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}"


def render(first, columns, rows, rounds):
    """The table's lines."""
    titles = [first, *(column.title for column in columns)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = [cell(column, row, rounds) for column in columns]
        if not any(cells):
            cells[0] = over.failures(rounds, row.name)[0][0]
        lines.append("| " + " | ".join([row.name, *(text or "-" for text in cells)]) + " |")
    return lines + told(rows, rounds)


def cell(column, row, rounds):
    if isinstance(column, Figure):
        value = over.median(rounds, row.name, column.key)
        return "" if value is None else column.text(value)
    if row.base in ("", row.name):
        return ""
    pair = (row.base, row.name) if column.inverse else (row.name, row.base)
    found = over.ratios(rounds, *pair, column.key)
    if found is None:
        return ""
    low, middle, high = map(hundredths, found)
    return f"{middle} ({low} to {high})" if len(rounds) > 1 else middle


def told(rows, rounds):
    """Rounds that failed, answers that did not come, and others at work."""
    notes = []
    for row in rows:
        for why, numbers in over.failures(rounds, row.name):
            if len(numbers) < len(rounds):  # else the table says so
                notes.append(f"{row.name} failed in {listed(numbers)} of {len(rounds)}: {why}")
        for number, each in enumerate(rounds, 1):
            if "remark" in each.figures[row.name]:
                notes.append(f"{row.name}, round {number}: {each.figures[row.name]['remark']}")
    disturbed = [f"{number} ({share:.0%} of a core)" for number, share in over.noisy(rounds)]
    if disturbed:
        notes.append(f"others used the machine in round {', '.join(disturbed)}")
    return [""] + [f"- {note}" for note in notes] if notes else []


def listed(numbers):
    return f"round{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
