"""``ssl-behavior experiments``: post trainings as messages to a store, let any number of workers do them, and look on.

Each message is one training, and any worker can do it any number of times with the same result. A message of a worker
that is lost is delivered to another one. (The framework is that of SLEAP, Pereira et al., Nature Methods 19, 2022,
Supplementary Note; here the queue consists of files in the store of the results.)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import pandas as pd

from ssl_behavior.cli.run import command, command_group
from ssl_behavior.cli.validators import Above, Checked
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.jobs.claims import LEASE_S
from ssl_behavior.jobs.experiment_plans import PLANS, add_plan, read_plans, require_experiment_name, table_name
from ssl_behavior.jobs.experiment_status import status_lines, status_table
from ssl_behavior.jobs.message_queue import FOLDERS, MESSAGES, MessageQueue
from ssl_behavior.jobs.message_worker import MessageWorker, Rules
from ssl_behavior.jobs.messages import Message
from ssl_behavior.jobs.ray_connection import RayConfig, ray_connection
from ssl_behavior.jobs.ray_pool import run_units
from ssl_behavior.jobs.results import Results, Unit, unit_digest
from ssl_behavior.jobs.training_scores import best_model, tabulate_scores
from ssl_behavior.storage.object_store import Store, absolute, require_cluster_packages
from ssl_behavior.sweep import Training, plan_combinations

_OUTPUT = "runs/experiments"


@dataclass(frozen=True, kw_only=True)
class PostConfig(Checked):
    """Settings of ``post``.

    Attributes:
        configs: YAML file as sweep takes it: a section of settings for pretrain and one for finetune, and under vary
            the alternatives of some settings; the files of recordings and annotations are on a disk that all workers
            see or in an object store.
        name: name of the experiment, for status and the table of its scores.
        output: folder for messages and results, on a disk that all workers see or in an object store; experiments in
            one folder share the encoders that are equal.
    """

    configs: Path
    name: str
    output: str = _OUTPUT

    def __post_init__(self) -> None:
        super().__post_init__()
        require_experiment_name(self.name)


@check_arguments
def post(config: PostConfig) -> Counter[str]:
    """Post a message for every training of a grid. What is posted or done already is not posted again.

    A message that was given up is tried again.

    Returns:
        Number of messages that are ``new``, ``done``, ``tried again``, or ``posted before``.

    Raises:
        InputError: the grid cannot be read, or the folder holds something else.

    Examples:
        >>> post(PostConfig(configs=Path("sweep.yaml"), name="dropout", output="s3://bucket/runs"))  # doctest: +SKIP
        Counter({'new': 6})
    """
    require_cluster_packages()
    store = Store(absolute(config.output))
    combinations = plan_combinations(config.configs)
    units = list(
        dict.fromkeys(unit for one in combinations for unit in (one.model.encoder, one.model) if unit is not None)
    )
    results = Results(store)
    own = tuple(f"{folder}/" for folder in (*FOLDERS, PLANS))
    results.require_own_folder(*(name for name in store.names() if name.startswith(own)))
    # A mark whose files were deleted would keep workers from making them again.
    marks = results.marks()
    store.remove([unit.mark for unit in results.missing(units) if unit.mark in marks])
    counts = MessageQueue(store).post([Message.of_this_version(config.name, unit) for unit in units])
    add_plan(store, config.name, combinations)
    in_words = ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())
    print(f"{config.name}: {count_of(len(combinations), 'combination')}, {count_of(len(units), 'message')}: {in_words}")
    return counts


def _after_posting(config: PostConfig, _: Counter[str]) -> None:
    print(f"\nmessages: {config.output}/messages")
    print(f"next:     {command_line('experiments', 'work', '--output', config.output)}   (on any number of machines)")
    print(f"          {command_line('experiments', 'status', '--output', config.output)}")


@dataclass(frozen=True, kw_only=True)
class WorkConfig(RayConfig):
    """Settings of ``work``.

    Attributes:
        output: folder of messages and results, as post has it.
        workers: number of workers to start on a Ray cluster; without it, this process is one worker and needs no Ray.
        address: with workers, address of the Ray cluster: auto on one of its machines, HOST:6379, or
            ray://HOST:10001; local starts the workers on this machine.
        cpus: cores per worker.
        gpus: GPUs per worker, or with workers a share of one such as 0.25; with 0, it computes on cores.
        attempts: number of times that a message is tried, whether its worker fails or is lost, before it is given up.
        lease: seconds without a sign from a worker after which its message is delivered to another one.
        wait: stay when all messages are done, for those that are posted later.
    """

    output: str = _OUTPUT
    workers: Annotated[int, Above(0)] | None = None
    attempts: Annotated[int, Above(0)] = 3
    lease: Annotated[float, Above(0)] = LEASE_S
    wait: bool = False


@check_arguments
def work(config: WorkConfig) -> None:
    """Do the messages of a store until all are done or failed; other workers may do so at the same time.

    Ctrl-C and SIGTERM give the message back at once. A worker that is killed loses it after ``config.lease`` seconds,
    and so do workers on Ray when this command is stopped.

    Raises:
        InputError: messages have failed for good in the hands of this worker, there are none, or the store cannot be
            reached.

    Examples:
        >>> work(WorkConfig(output="s3://bucket/runs"))  # doctest: +SKIP
    """
    require_cluster_packages()
    config = replace(config, output=absolute(config.output))
    if not config.wait and not Store(config.output).names(MESSAGES):
        raise _no_messages(config.output)
    if config.workers is None:
        if config.address != "local":
            raise InputError(f"--address {config.address}: expected --workers as well, the number to start there")
        _Worker(config)()
    else:
        _work_on_ray(config, config.workers)


def _work_on_ray(config: WorkConfig, workers: int) -> None:
    """Run workers as units of Ray's pool, which starts them again if they are killed."""
    config.require_usable_ray()
    units = [Unit(f"worker {number}", unit_digest(number)) for number in range(1, workers + 1)]
    failures = []
    with ray_connection(config):
        for unit, outcome in run_units(units, _Worker(config), config, "workers"):
            for line in outcome.printed:
                print(f"{unit.label}: {line}")
            failures += [outcome.failure] if outcome.failure is not None else []
    if failures:
        raise InputError(f"{len(failures):,} of {count_of(workers, 'worker')} failed: {failures[0]}")


@dataclass(frozen=True)
class _Worker:
    """The work of one worker, in this process or in one of Ray's."""

    config: WorkConfig

    def __call__(self, _: Unit | None = None) -> None:
        config = self.config
        queue = MessageQueue(Store(config.output))
        rules = Rules(config.attempts, config.lease, config.wait, config.cpus)
        tally = MessageWorker(queue, Training(config.output, config.device), rules).run()
        print(f"no message is left; {count_of(tally['done'], 'message')} done here", flush=True)
        if tally["failed"]:
            raise InputError(
                f"{count_of(tally['failed'], 'message')} failed for the reasons above; everything else is done. Post "
                "the experiment again to try what has failed"
            )


def _after_working(config: WorkConfig, _: None) -> None:
    print(f"next: {command_line('experiments', 'status', '--output', config.output)}")


@dataclass(frozen=True, kw_only=True)
class StatusConfig(Checked):
    """Settings of ``status``.

    Attributes:
        output: folder of messages and results, as post has it.
    """

    output: str = _OUTPUT


@check_arguments
def status(config: StatusConfig) -> pd.DataFrame:
    """Say what has become of each message, and write ``experiments/NAME/results.csv`` with the scores of each model.

    Returns:
        A row per message: ``experiment`` that posted it first, ``training`` (the label of its result), ``state``
        (waiting, at work, done or failed), ``worker`` and ``since`` of a message at work, its ``attempt``, and the
        ``reason`` why it waits or failed.

    Raises:
        InputError: there is no experiment in the folder.

    Examples:
        >>> table = status(StatusConfig(output="s3://bucket/runs"))  # doctest: +SKIP
        >>> table.groupby("experiment")["state"].value_counts()  # doctest: +SKIP
    """
    require_cluster_packages()
    store = Store(absolute(config.output))
    queue = MessageQueue(store)
    states = queue.states()
    plans, problems = read_plans(store)
    problems += queue.damaged
    if not states and not problems:
        raise _no_messages(config.output)
    failures = {state.message.unit.digest: state.reason for state in states if state.stage == "failed"}
    table = status_table(states, plans)
    print(*problems, *status_lines(table), sep="\n")
    for experiment, combinations in plans.items():
        scores = tabulate_scores(combinations, Results(store), failures)
        store.write(table_name(experiment), scores.to_csv(index=False).encode())
        print("", *best_model(scores, config.output), sep="\n")
        print(f"table: {config.output}/{table_name(experiment)}")
    return table


def _no_messages(output: str) -> InputError:
    words = ("post", "--configs", "SWEEP.yaml", "--name", "NAME", "--output", output)
    return InputError(
        f"--output {output}: expected messages; found none: post some with {command_line('experiments', *words)}"
    )


def _after_status(config: StatusConfig, table: pd.DataFrame) -> None:
    if (table["state"] == "failed").any():
        print("\nto try what has failed again, post the experiment again")
    if table["state"].isin(["waiting", "at work"]).any():
        print(f"\nnext: {command_line('experiments', 'work', '--output', config.output)}")


main = command_group(
    "Post trainings as messages, let any number of workers do them, and look on.",
    {
        "post": command(PostConfig, post, "Post a message for every training of a grid of settings.", _after_posting),
        "work": command(WorkConfig, work, "Do the messages of a store, together with other workers.", _after_working),
        "status": command(StatusConfig, status, "Say what has become of the messages of a store.", _after_status),
    },
)


if __name__ == "__main__":
    main()
