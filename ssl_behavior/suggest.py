"""``ssl-behavior suggest``: which clips to label next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.active_learning import (
    SUGGESTED,
    Chosen,
    Clips,
    LabelPool,
    Suggestion,
    choose,
    read_known,
    read_predicted,
    suggestions_picture,
    table,
    to_correct,
)
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import directions
from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import LabelsConfig
from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.errors import InputError
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.recordings.annotations import merge_vocabularies
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.paths import file_stem

_LIST, _REVIEW, _PICTURE, _FILLER = "suggestions.csv", "review", "suggestions.png", "unscored"
_NOVEL = 0.5
"""Novelty above which a clip is called unlike what is labelled."""
_SECOND = 0.2
"""Mean probability from which another behaviour than the first is named."""


@dataclass(frozen=True)
class SuggestConfig(LabelsConfig):
    """Settings of suggesting what to label next.

    Attributes:
        atlas: folder that embed wrote, of labelled and unlabelled recordings.
        predictions: folder that predict wrote, of a model of the behaviours; without one, clips are chosen that cover
            the recordings.
        annotations: files, folders or globs of annotations that the atlas does not hold.
        channel: of the labels; needed only where there are several.
        unscored: behaviours of the annotations that are no judgement; in the files to correct, the first stands for
            all that is neither labelled nor suggested.
        agent: suggest by the embedding of what this individual does; the mean over all pairs if none is given.
        target: towards this one.
        top: clips to suggest.
        seconds: length of a clip.
        output: folder for the list and the files to correct.
        seed: of the draw of clips that stand for all, in atlases of many.
        overwrite: write over an output that is there.
    """

    atlas: Path
    predictions: Path | None = None
    agent: str | None = None
    target: str | None = None
    top: Annotated[int, Above(0)] = 20
    seconds: Annotated[float, Above(0)] = 10.0
    output: Path = Path("suggestions")
    seed: Annotated[int, AtLeast(0)] = 0
    overwrite: bool = False


def suggest(config: SuggestConfig) -> list[Suggestion]:
    """The clips to label next, the best first, written to ``config.output``.

    A clip has no frame that is labelled already, and no two overlap. The criterion is in ``suggestions.choice``.

    Raises:
        InputError: there is no atlas, nothing of it is left to label, or the predictions are of other videos.
    """
    with run_folder.writing(config) as output:
        return _suggest(output, config)


def _suggest(output: Path, config: SuggestConfig) -> list[Suggestion]:
    review = ReviewFolder(output / _REVIEW)
    review.require_unedited(review.stems)
    atlas = Atlas(config.atlas)
    known = read_known(atlas, config.annotations, config.channel, config.unscored)
    predicted = None if config.predictions is None else read_predicted(atlas, config.predictions)
    material = LabelPool(atlas, known, predicted, config.agent, config.target)
    vocabulary = _vocabulary(material, _filler(config))
    free, labelled = material.clips(config.seconds)
    uncertainty = material.uncertainty(free)
    centre = np.concatenate([free.embeddings, labelled.embeddings]).mean(0)
    own, others = (directions(one.embeddings, centre) for one in (free, labelled))
    chosen = choose(own, uncertainty, others, config.top, config.seed)
    suggestions = [_suggestion(i, one, free, uncertainty, material) for i, one in enumerate(chosen, 1)]
    _write(output, review, suggestions, material, vocabulary, _filler(config))
    run.save_settings(config, output / "settings.yaml")
    _draw(output / _PICTURE, suggestions, material, np.concatenate([own, others]), [one.place for one in chosen])
    return suggestions


def _filler(config: SuggestConfig) -> str:
    """What stands in the files for frames that nobody judged."""
    return config.unscored[0] if config.unscored else _FILLER


def _vocabulary(material: LabelPool, filler: str) -> tuple[str, ...]:
    """The behaviours that are labelled or predicted, and without a model what a suggestion is called."""
    known, predicted = material.known.behaviours, material.predicted
    if predicted is None:
        return (*known, SUGGESTED)
    model = next(iter(predicted.values())).behaviours
    if filler in (*known, *model):
        raise InputError(
            f"--unscored {filler}: expected the name of what is no judgement; found a behaviour that is labelled or "
            "predicted: name another"
        )
    return merge_vocabularies([known, model])


def _suggestion(
    rank: int, chosen: Chosen, clips: Clips, uncertainty: np.ndarray | None, material: LabelPool
) -> Suggestion:
    place = chosen.place
    video = material.atlas.video(str(clips.videos[place]))
    start, stop, rate = int(clips.starts[place]), int(clips.stops[place]), video.poses.native_rate
    pairs, names = material.pairs(video), video.poses.individuals
    agent, target = (names[i] for i in pairs[0]) if len(pairs) == 1 < len(names) else ("", "")
    minutes, seconds = divmod(int(start / rate), 60)
    why = [] if chosen.novelty < _NOVEL else ["unlike anything labelled or listed above"]
    label, probability = "", None
    if material.predicted is not None:
        one = material.predicted[video.id]
        means = one.probabilities[start:stop].mean(0)
        most = int(np.bincount(one.labels[start:stop], minlength=len(means)).argmax())
        label, probability = one.behaviours[most], float(means[most])
        likely = [one.behaviours[i] for i in np.argsort(-means, kind="stable") if means[i] >= _SECOND]
        why = ([f"{' or '.join(likely)}?"] if len(likely) > 1 else []) + why
    return Suggestion(
        rank,
        video.id,
        agent,
        target,
        start,
        stop,
        f"{minutes}:{seconds:02d}",
        (stop - start) / rate,
        label,
        probability,
        None if uncertainty is None else float(uncertainty[place]),
        chosen.novelty,
        "; ".join(why) or "like much that is not labelled",
    )


def _write(
    output: Path,
    review: ReviewFolder,
    suggestions: Sequence[Suggestion],
    material: LabelPool,
    vocabulary: tuple[str, ...],
    filler: str,
) -> None:
    """The list, and a file per video to correct; those of an earlier run that nobody edited go."""
    review.clear(review.stems)
    write_text(output / _LIST, table(suggestions))
    for name in dict.fromkeys(one.video for one in suggestions):
        video = material.atlas.video(name)
        known = Labels(material.known.behaviours, material.known.labels(video)).with_behaviours(vocabulary)
        values = known.values.copy()
        for one in (one for one in suggestions if one.video == name):
            span = slice(one.start_frame, one.stop_frame)
            if material.predicted is None:
                values[span] = vocabulary.index(SUGGESTED)
            else:
                model = material.predicted[name]
                values[span] = Labels(model.behaviours, model.labels[span]).with_behaviours(vocabulary).values
        labels = Labels(vocabulary, values)
        review.write(to_correct(name, material.known.channel, labels, filler), video.poses.native_rate)


def _draw(
    path: Path, suggestions: Sequence[Suggestion], material: LabelPool, clips: np.ndarray, marks: Sequence[int]
) -> None:
    """Where the suggestions lie, in time and among the directions of all clips (clip, channel)."""
    videos = {name: material.atlas.video(name) for name in {one.video for one in suggestions}}
    labelled = {name: material.known.labels(video) != UNSCORED for name, video in videos.items()}
    rates = {name: video.poses.native_rate for name, video in videos.items()}
    axes = np.linalg.eigh(np.cov(clips, rowvar=False))[1][:, :-3:-1]
    suggestions_picture(path, suggestions, labelled, rates, clips @ axes, marks)


def _next_steps(config: SuggestConfig, found: list[Suggestion]) -> None:
    """Print where the results are, and what to run next."""
    columns = "{:>4}  {:<20} {:>8} {:<16} {:<16} {:>11} {:>8}  {}"
    print(columns.format("", "video", "time", "frames", "label", "uncertainty", "novelty", "why"))
    for one in found:
        frames, unsure = f"{one.start_frame}:{one.stop_frame}", one.uncertainty
        shown = "" if unsure is None else f"{unsure:.2f}"
        print(columns.format(one.rank, one.video, one.start, frames, one.label, shown, f"{one.novelty:.2f}", one.why))
    example = config.output / _REVIEW / f"{file_stem(found[0].video)}_annot.txt"
    print(f"\nsuggestions: {config.output / _LIST}")
    print(f"             {_PICTURE} shows where they lie")
    print(f"             {_REVIEW}/ has the clips as files for the Caltech annotator and BORIS, to correct")
    unnamed = f": what is called {SUGGESTED} needs a behaviour" if config.predictions is None else ""
    print(f"next:        correct {example} and the others{unnamed}, then")
    print("             ssl-behavior finetune --encoder ENCODER --recordings TRACKS \\")
    print(f"                 --annotations '{config.output / _REVIEW}/*_annot.txt' --unscored {_filler(config)}")


main = run.command(SuggestConfig, suggest, "Which clips to label next.", _next_steps)


if __name__ == "__main__":
    main()
