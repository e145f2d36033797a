"""Plans of experiments: which combinations of settings belong to a name, as small files beside the queue."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ssl_behavior.errors import InputError
from ssl_behavior.jobs.messages import DIGEST
from ssl_behavior.jobs.training_scores import Combination
from ssl_behavior.jobs.training_units import training_unit
from ssl_behavior.storage.digests import digest
from ssl_behavior.storage.object_store import Store

PLANS = "experiments"
"""Folder of the plans."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def require_experiment_name(name: str) -> None:
    """Check that a text can name an experiment, and its folder.

    Raises:
        InputError: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"--name {name}: expected up to 64 letters, digits, dots, dashes and underscores, because it names a folder"
        )


def table_name(experiment: str) -> str:
    """Name of the table of an experiment's scores in the store."""
    return f"{PLANS}/{experiment}/results.csv"


def add_plan(store: Store, experiment: str, combinations: Sequence[Combination]) -> None:
    """Store the combinations of an experiment beside those that were posted under its name before.

    Raises:
        InputError: the store cannot be written to.
    """
    rows = [
        {"varied": one.varied, "encoder": one.model.encoder.digest, "model": one.model.digest}
        for one in combinations
        if one.model.encoder is not None
    ]
    name = f"{PLANS}/{experiment}/{digest(json.dumps(rows, default=str))}.json"
    if name not in store.names(f"{PLANS}/{experiment}"):
        content = {"posted": datetime.now(UTC).isoformat(), "combinations": rows}
        store.write(name, json.dumps(content, indent=1, default=str).encode())


def read_plans(store: Store) -> tuple[dict[str, list[Combination]], list[str]]:
    """Return experiment -> its combinations in the order of posting, and a sentence about each damaged plan."""
    names = [name for name in store.names(PLANS) if name.endswith(".json")]
    plans: list[tuple[str, str, list[Combination]]] = []
    problems = []
    for name, content in store.read(names).items():
        try:
            posted, combinations = _parse(content)
            plans.append((name.split("/")[1], posted, combinations))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            problems.append(
                f"{store.address}/{name}: expected the plan of an experiment; found something else: delete the file, "
                "and post the experiment again"
            )
    united: dict[str, dict[str, Combination]] = {}
    for experiment, _, combinations in sorted(plans, key=lambda plan: plan[:2]):
        rows = united.setdefault(experiment, {})
        for one in combinations:
            former = rows.get(one.model.digest, one)
            rows[one.model.digest] = Combination({**former.varied, **one.varied}, one.model)
    return {experiment: list(rows.values()) for experiment, rows in united.items()}, problems


def _parse(content: bytes) -> tuple[str, list[Combination]]:
    fields = json.loads(content)
    combinations = []
    for row in fields["combinations"]:
        varied: dict[str, Any] = dict(row["varied"])
        if not all(DIGEST.fullmatch(row[kind]) for kind in ("encoder", "model")):
            raise ValueError("no digest")
        combinations.append(Combination(varied, training_unit(row["model"], training_unit(row["encoder"], None))))
    return str(fields["posted"]), combinations
