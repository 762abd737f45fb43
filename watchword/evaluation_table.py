"""An evaluation in, tables for a terminal out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from trainer.evaluate import DEFAULT_RATE
from trainer.evaluation.groups import OTHERS, SMALLEST_GROUP
from trainer.evaluation.operating_rows import REFRACTORY_S
from trainer.evaluation.second_opinion import perhaps_said
from watchword.console import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from trainer.evaluate import Evaluation
    from trainer.evaluation.groups import Group
    from trainer.evaluation.operating_rows import MissRate, OperatingRow

ONE_LINE_FROM = 110
"""Columns of a terminal in which a figure and its bounds stand on one line."""
NAMED_EVENTS = 20
NAMED_GROUPS = 30


def print_evaluation(measured: Evaluation, console: Console) -> None:
    """Print what was measured: thresholds set here, thresholds that ship, groups, false accepts."""
    hours = measured.negatives.hours
    console.print()
    say(console, f"{measured.file} on {measured.engine}", label=f"{measured.phrase}:", style="bold")
    say(
        console,
        f"{len(measured.conditions[0].scores)} positives, {hours:.2f} h of negatives, "
        f"{REFRACTORY_S:g} s refractory, 95 % bounds",
    )
    console.print()
    say(console, "Thresholds set on these recordings, the lowest that keep a rate:")
    heads = [f"{row.rate_per_hour:g}/h" for row in measured.rows]
    console.print(_table(heads, measured.rows, console))
    unsupported = [row for row in measured.rows if not row.supported]
    if unsupported:
        rates = ", ".join(f"{row.rate_per_hour:g}/h" for row in unsupported)
        say(
            console,
            f"{rates}: less than one event in {hours:.2f} h. The threshold most likely lies "
            "higher, so that more is missed.",
            label="≥",
        )
    console.print()
    say(console, "As shipped, thresholds that these recordings had no part in:")
    shipped = measured.shipped_points
    if measured.shipped.threshold not in [row.threshold for row in shipped]:
        shipped = (measured.shipped, *shipped)
    console.print(_table([_meant(row, measured) for row in shipped], shipped, console))
    for column, groups in measured.groups.items():
        _print_groups(column, groups, measured, console)
    for number, event in enumerate(measured.false_accepts[:NAMED_EVENTS], 1):
        said = f"{number:03d}  score {event.score:.3f}  {event.time_s:.1f} s into {event.file}"
        asked = "  (the phrase itself?)" if perhaps_said(event) else ""
        say(console, said + asked, label="false accept", style="default")
    if len(measured.false_accepts) > NAMED_EVENTS:
        more = len(measured.false_accepts) - NAMED_EVENTS
        say(console, f"… and {more} more: --json FILE has all.")
    perhaps = sum(map(perhaps_said, measured.false_accepts))
    if perhaps:
        said = f"In {perhaps} of {len(measured.false_accepts)} the phrase itself seems to be said."
        then = "Listen (--save-false-accepts DIR), and leave out recordings in which it is."
        say(console, f"{said} {then}", label="warning:")


def _meant(row: OperatingRow, measured: Evaluation) -> str:
    meant = "" if row.rate_per_hour is None else f"for {row.rate_per_hour:g}/h"
    default = "default" if row.threshold == measured.shipped.threshold else ""
    return "\n".join(filter(None, (meant, default)))


def _table(heads: Sequence[str], rows: Sequence[OperatingRow], console: Console) -> Table:
    """Return a column for each operating point, a line for each condition."""
    table = Table("", *heads)
    table.add_row("threshold", *(f"{row.threshold:.4f}" for row in rows))
    table.add_row("false accepts", *(str(row.false_accepts) for row in rows))
    table.add_row("per hour", *(_per_hour(row, console) for row in rows), end_section=True)
    for name in rows[0].miss:
        table.add_row(f"missed, {name}", *(_missed(row.miss[name], console) for row in rows))
    return table


def _per_hour(row: OperatingRow, console: Console) -> str:
    bounds = row.per_hour
    if not row.false_accepts:
        return f"< {bounds.high:.2f}"
    return _with_bounds(f"{bounds.value:.2f}", f"{bounds.low:.2f}–{bounds.high:.2f}", console)


def _missed(miss: MissRate, console: Console) -> str:
    bounds = miss.bounds
    if not miss.exact:
        return f"≥ {miss.value:.1%}"
    known = f"{bounds.low:.1%}–{bounds.high:.1%}".replace("%", "")
    return _with_bounds(f"{miss.value:.1%}", known, console)


def _with_bounds(value: str, bounds: str, console: Console) -> str:
    if console.width >= ONE_LINE_FROM:
        return f"{value} ({bounds})"
    return f"{value}\n[dim]{bounds}[/]"


def _print_groups(
    column: str, groups: Sequence[Group], measured: Evaluation, console: Console
) -> None:
    name = measured.conditions[0].name
    console.print()
    if [group.name for group in groups] == [OTHERS]:
        say(console, f"By {column}: no group has {SMALLEST_GROUP} recordings.")
        return
    say(console, f"By {column}, {name}; groups below {SMALLEST_GROUP} recordings are {OTHERS}:")
    table = Table(column, "recordings", f"missed at {DEFAULT_RATE:g}/h, set here", "as shipped")
    for group in groups[:NAMED_GROUPS]:
        table.add_row(
            escape(group.name),
            str(group.recordings),
            _missed(group.at_rate[name], console),
            _missed(group.as_shipped[name], console),
        )
    console.print(table)
    if len(groups) > NAMED_GROUPS:
        say(console, f"… and {len(groups) - NAMED_GROUPS} more: --json FILE has all.")
