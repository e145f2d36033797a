"""Progress of experiments, as a table and as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from ssl_behavior.errors import count_of
from ssl_behavior.jobs.message_queue import STAGES, MessageState
from ssl_behavior.jobs.training_scores import Combination

_COLUMNS = ("experiment", "training", "state", "attempt", "worker", "since", "reason")
_MOST_LINES = 40
_MOST_INTERESTING_FIRST = ("at work", "failed", "waiting", "done")


def status_table(states: Sequence[MessageState], plans: Mapping[str, Sequence[Combination]]) -> pd.DataFrame:
    """Return a row per experiment and message; a message that several experiments share has a row in each.

    Args:
        states: of all messages.
        plans: experiment -> its combinations. A message of no plan is listed with the experiment that posted it.
    """
    experiments: dict[str, list[str]] = {}
    for experiment, combinations in plans.items():
        units = {unit.digest for one in combinations for unit in (one.model, one.model.encoder) if unit is not None}
        for digest in units:
            experiments.setdefault(digest, []).append(experiment)
    rows = []
    for state in states:
        unit, claim = state.message.unit, state.claims[-1] if state.claims else None
        is_at_work = claim is not None and state.stage == "at work"
        row = {
            "training": unit.label,
            "state": state.stage,
            "attempt": claim.attempt if claim else 0,
            "worker": claim.worker if claim and is_at_work else "",
            "since": claim.since if claim and is_at_work else "",
            "reason": state.reason,
        }
        rows += [{"experiment": one, **row} for one in experiments.get(unit.digest, [state.message.experiment])]
    table = pd.DataFrame(rows, columns=_COLUMNS)
    order = table["state"].map(_MOST_INTERESTING_FIRST.index)
    return table.assign(order=order).sort_values(["experiment", "order"], kind="stable").drop(columns="order")


def status_lines(table: pd.DataFrame) -> Iterator[str]:
    """Yield the counts of each experiment, and a line per message, the running and the failed ones first."""
    for experiment, rows in table.groupby("experiment"):
        counts = rows["state"].value_counts()
        parts = ", ".join(f"{counts.get(stage, 0):,} {stage}" for stage in STAGES)
        yield f"{experiment}: {count_of(len(rows), 'message')}: {parts}"
    yield ""
    width = max(map(len, [*table["experiment"], "experiment"]))
    columns = f"{{:<{width}}}  {{:<24}}  {{:<7}}  {{}}"
    yield columns.format("experiment", "training", "state", "").rstrip()
    for row in table.head(_MOST_LINES).itertuples():
        remark = f"since {row.since[:19]}Z by {row.worker} (attempt {row.attempt})" if row.worker else row.reason
        yield columns.format(row.experiment, row.training, row.state, remark).rstrip()
    if len(table) > _MOST_LINES:
        yield f"and {len(table) - _MOST_LINES:,} more"
