"""``ssl-behavior repair``: find where a tracker exchanged animals, and exchange them back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from ssl_behavior.cli.inputs import WrittenTracksConfig
from ssl_behavior.cli.run import command, save_settings
from ssl_behavior.cli.validators import AtLeast
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.compute.progress import progress
from ssl_behavior.errors import InputError, command_line, count_of
from ssl_behavior.plots.exchange import exchange_picture
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.run_folder import open_output
from ssl_behavior.storage.video_names import file_stems
from ssl_behavior.tracking.exchange_table import exchange_table, read_exchanges, read_rows, rows_as_csv
from ssl_behavior.tracking.exchanges import Change
from ssl_behavior.tracking.repair import DOUBTFUL, PENALTY, RepairResult, apply_changes, repair_recording

TABLE = "exchanges.csv"


@dataclass(frozen=True)
class RepairConfig(WrittenTracksConfig):
    """Settings of ``repair``.

    Attributes:
        output: folder for the repaired recordings, one file each, the table of exchanges, and pictures of doubtful
            ones.
        apply: a table of exchanges that a person reviewed; the exchanges are then those of its rows, and none are
            looked for.
        penalty: cost of an exchange in nats (natural logarithms of odds), 4 by default; larger values change less.
    """

    output: Path
    apply: Path | None = None
    penalty: Annotated[float, AtLeast(0)] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.apply is not None and self.penalty is not None:
            raise InputError("--penalty: expected it without --apply, which looks for no exchanges: leave it out")


@check_arguments
def repair(config: RepairConfig) -> list[RepairResult]:
    """Repair every recording, and write them, ``exchanges.csv`` and ``pictures/``. The files that are read stay.

    Returns:
        The repaired recordings, each with its exchanges.

    Raises:
        InputError: no recording can be read, one has a single individual, a row of the table does not fit, or the
            output exists.

    Examples:
        >>> repair(RepairConfig(recordings=(Path("tracks"),), output=Path("repaired")))
    """
    with open_output(config) as output:
        recordings = config.read()
        if config.apply is None:
            penalty = PENALTY if config.penalty is None else config.penalty
            results = config.each(lambda each: repair_recording(each, penalty), recordings, "repairing")
            table = exchange_table((result.source, result.changes) for result in results)
        else:
            changes = read_exchanges(config.apply, recordings)
            results = [apply_changes(recording, changes[recording.id]) for recording in recordings]
            table = rows_as_csv(read_rows(config.apply))
        config.write(output, [result.recording for result in results])
        write_text(output / TABLE, table)
        save_settings(config, output / "settings.yaml")
        _draw(output / "pictures", results)
    return results


def _draw(folder: Path, results: list[RepairResult]) -> None:
    """Draw the doubtful exchanges, and remove the pictures of an earlier run."""
    for picture in folder.glob("*.png"):
        picture.unlink()
    stems = file_stems(result.source.id for result in results)
    doubtful = [(result, change) for result in results for change in result.changes if change.probability < DOUBTFUL]
    for result, change in progress(doubtful, "drawing", unit="picture", leave=False):
        exchange = change.exchange
        exchange_picture(
            folder / f"{stems[result.source.id]}_{exchange.start:06}.png",
            _title(result, change),
            result.source,
            result.recording,
            exchange.pair,
            exchange.start,
            exchange.stop,
        )


def _title(result: RepairResult, change: Change) -> str:
    exchange = change.exchange
    first, second = (result.source.individuals[i] for i in exchange.pair)
    frames = f"from frame {exchange.start}" + (f" to {exchange.stop - 1}" if exchange.stop else " to the end")
    return f"{result.source.id}: {first} and {second} exchanged {frames}, probability {change.probability:.2f}"


def _next_steps(config: RepairConfig, results: list[RepairResult]) -> None:
    for result in results:
        print(result.describe())
    table = config.output / TABLE
    print(f"wrote {count_of(len(results), 'recording')} to {config.output}")
    if config.apply is None and any(result.changes for result in results):
        doubtful = sum(change.probability < DOUBTFUL for result in results for change in result.changes)
        pictures = f", and look at the doubtful ones in {config.output / 'pictures'}" if doubtful else ""
        print(f"to review: write keep or exchange into the column decision of {table}{pictures}; then")
        again = ("--recordings", *config.recordings, "--apply", table, "--output", f"{config.output}-reviewed")
        print(f"  {command_line('repair', *again)}{config.reading_options}")
    print(f"next: {command_line('check', '--recordings', config.output)}")


main = command(
    RepairConfig,
    repair,
    "Find where a tracker exchanged animals, and exchange them back; nothing is overwritten.",
    _next_steps,
)


if __name__ == "__main__":
    main()
