"""``ssl-behavior suggest``: suggest which clips to label next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from ssl_behavior.active_learning import (
    SUGGESTED,
    Choice,
    ClipEmbeddings,
    LabelPool,
    Suggestion,
    choose_clips,
    read_channel_labels,
    read_predictions,
    review_annotations,
    suggestions_csv,
    suggestions_picture,
)
from ssl_behavior.atlas.atlas import Atlas
from ssl_behavior.atlas.clusters import directions
from ssl_behavior.cli import run
from ssl_behavior.cli.inputs import LabelsConfig
from ssl_behavior.cli.validators import Above, AtLeast
from ssl_behavior.compute.argument_types import check_arguments
from ssl_behavior.errors import InputError
from ssl_behavior.predictions.review import ReviewFolder
from ssl_behavior.predictions.tables import Prediction
from ssl_behavior.recordings.annotations import merge_vocabularies
from ssl_behavior.recordings.labels import UNSCORED, Labels
from ssl_behavior.storage import run_folder
from ssl_behavior.storage.atomic import write_text
from ssl_behavior.storage.video_names import file_stems

_LIST, _REVIEW, _PICTURE, _FILLER = "suggestions.csv", "review", "suggestions.png", "unscored"
_NOVEL = 0.5
"""Novelty from which the reason says that a clip is unlike the labelled ones."""
_LIKELY = 0.2
"""Mean probability from which the reason names a behaviour."""


@dataclass(frozen=True)
class SuggestConfig(LabelsConfig):
    """Settings of suggesting what to label next.

    Attributes:
        atlas: folder that embed wrote, with labelled and unlabelled recordings.
        predictions: folder that predict wrote, with predictions of the behaviours; without it, the chosen clips cover
            the recordings as well as possible.
        annotations: files, folders or globs of annotations that are not in the atlas.
        channel: channel of the labels; needed only if there are several.
        unscored: behaviours of the annotations that mark frames nobody judged; the files for review use the first one
            for all frames that are neither labelled nor suggested.
        agent: choose by the embedding of this individual's behaviour; without it, by the mean over all pairs.
        target: choose by the embedding of behaviour towards this individual.
        top: number of clips to suggest.
        seconds: duration of a clip in seconds.
        output: folder for the list and the files for review.
        seed: seed of the sample of clips that stands for all, in an atlas of very many clips.
        overwrite: replace outputs that exist.
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


@check_arguments
def suggest(config: SuggestConfig) -> list[Suggestion]:
    """Choose the clips to label next, the best first, and write them to ``config.output``.

    No clip has a labelled frame, and no two clips overlap. ``active_learning.criterion`` explains the choice.

    Raises:
        InputError: the atlas does not exist, all its clips are labelled, or the predictions are of other videos.

    Examples:
        >>> suggestions = suggest(SuggestConfig(Path("atlas"), top=5))  # doctest: +SKIP
        >>> suggestions[0].video, suggestions[0].start  # doctest: +SKIP
        ('video3', '2:10')
    """
    with run_folder.open_output(config) as output:
        return _suggest(output, config)


def _suggest(output: Path, config: SuggestConfig) -> list[Suggestion]:
    review = ReviewFolder(output / _REVIEW)
    review.require_unedited(review.stems)
    atlas = Atlas(config.atlas)
    labels = read_channel_labels(atlas, config.annotations, config.channel, config.unscored)
    predictions = None if config.predictions is None else read_predictions(atlas, config.predictions)
    pool = LabelPool(atlas, labels, predictions, config.agent, config.target)
    vocabulary = _vocabulary(pool, _filler(config))
    candidates, labelled = pool.clips(config.seconds)
    uncertainty = pool.uncertainty(candidates)
    centre = np.concatenate([candidates.embeddings, labelled.embeddings]).mean(0)
    candidate_directions = directions(candidates.embeddings, centre)
    labelled_directions = directions(labelled.embeddings, centre)
    choices = choose_clips(candidate_directions, uncertainty, labelled_directions, config.top, config.seed)
    suggestions = [_suggestion(rank, choice, candidates, uncertainty, pool) for rank, choice in enumerate(choices, 1)]
    _write(output, review, suggestions, pool, vocabulary, _filler(config))
    run.save_settings(config, output / "settings.yaml")
    all_directions = np.concatenate([candidate_directions, labelled_directions])
    _draw(output / _PICTURE, suggestions, pool, all_directions, [choice.clip for choice in choices])
    return suggestions


def _filler(config: SuggestConfig) -> str:
    """Return the behaviour that stands for unscored frames in the files for review."""
    return config.unscored[0] if config.unscored else _FILLER


def _vocabulary(pool: LabelPool, filler: str) -> tuple[str, ...]:
    """Return the behaviours of the files for review: labelled and predicted ones, or ``SUGGESTED`` without a model.

    Raises:
        InputError: a behaviour has the name of the filler.
    """
    labelled = pool.labels.behaviours
    if pool.predictions is None:
        return (*labelled, SUGGESTED)
    predicted = next(iter(pool.predictions.values())).behaviours
    if filler in (*labelled, *predicted):
        raise InputError(
            f"--unscored {filler}: expected a name for frames that nobody judged; found a behaviour that is labelled "
            f"or predicted: choose another name, such as --unscored not-{shlex.quote(filler)}"
        )
    return merge_vocabularies([labelled, predicted])


def _suggestion(
    rank: int, choice: Choice, clips: ClipEmbeddings, uncertainty: np.ndarray | None, pool: LabelPool
) -> Suggestion:
    """Describe a chosen clip."""
    video = pool.atlas.video(str(clips.videos[choice.clip]))
    start, stop, rate = int(clips.starts[choice.clip]), int(clips.stops[choice.clip]), video.poses.native_rate
    pairs, names = pool.pairs(video), video.poses.individuals
    agent, target = (names[i] for i in pairs[0]) if len(pairs) == 1 < len(names) else ("", "")
    minutes, seconds = divmod(int(start / rate), 60)
    reasons = [] if choice.novelty < _NOVEL else ["unlike all clips labelled or listed above"]
    label, probability = "", None
    if pool.predictions is not None:
        label, probability, likely = _predicted_label(pool.predictions[video.id], start, stop)
        if len(likely) > 1:
            reasons = [f"{' or '.join(likely)}?", *reasons]
    return Suggestion(
        rank=rank,
        video=video.id,
        agent=agent,
        target=target,
        start_frame=start,
        stop_frame=stop,
        start=f"{minutes}:{seconds:02d}",
        seconds=(stop - start) / rate,
        label=label,
        probability=probability,
        uncertainty=None if uncertainty is None else float(uncertainty[choice.clip]),
        novelty=choice.novelty,
        why="; ".join(reasons) or "similar to many unlabelled clips",
    )


def _predicted_label(prediction: Prediction, start: int, stop: int) -> tuple[str, float, list[str]]:
    """Return the label of most frames of a clip, its mean probability, and the likely behaviours, likeliest first."""
    means = prediction.probabilities[start:stop].mean(0)
    label = int(np.bincount(prediction.labels[start:stop], minlength=len(means)).argmax())
    likely = [prediction.behaviours[i] for i in np.argsort(-means, kind="stable") if means[i] >= _LIKELY]
    return prediction.behaviours[label], float(means[label]), likely


def _write(
    output: Path,
    review: ReviewFolder,
    suggestions: Sequence[Suggestion],
    pool: LabelPool,
    vocabulary: tuple[str, ...],
    filler: str,
) -> None:
    """Write the list, and files for review of each video in it; those of an earlier run are removed."""
    review.clear(review.stems)
    write_text(output / _LIST, suggestions_csv(suggestions))
    stems = file_stems(suggestion.video for suggestion in suggestions)
    for video_id, stem in stems.items():
        video = pool.atlas.video(video_id)
        existing = Labels(pool.labels.behaviours, pool.labels.for_video(video)).with_behaviours(vocabulary)
        values = existing.values.copy()
        for suggestion in (suggestion for suggestion in suggestions if suggestion.video == video_id):
            span = slice(suggestion.start_frame, suggestion.stop_frame)
            if pool.predictions is None:
                values[span] = vocabulary.index(SUGGESTED)
            else:
                prediction = pool.predictions[video_id]
                values[span] = Labels(prediction.behaviours, prediction.labels[span]).with_behaviours(vocabulary).values
        annotations = review_annotations(video_id, pool.labels.channel, Labels(vocabulary, values), filler)
        review.write(annotations, video.poses.native_rate, stem)


def _draw(
    path: Path,
    suggestions: Sequence[Suggestion],
    pool: LabelPool,
    clip_directions: np.ndarray,
    chosen: Sequence[int],
) -> None:
    """Draw the suggestions in time, and among the directions (clip, channel) of all clips."""
    videos = {name: pool.atlas.video(name) for name in {suggestion.video for suggestion in suggestions}}
    is_labelled = {name: pool.labels.for_video(video) != UNSCORED for name, video in videos.items()}
    rates = {name: video.poses.native_rate for name, video in videos.items()}
    # eigh sorts eigenvalues in rising order, so the two main axes come last.
    axes = np.linalg.eigh(np.cov(clip_directions, rowvar=False))[1][:, :-3:-1]
    behaviours = (SUGGESTED,) if pool.predictions is None else next(iter(pool.predictions.values())).behaviours
    suggestions_picture(path, suggestions, is_labelled, rates, clip_directions @ axes, chosen, behaviours)


def _next_steps(config: SuggestConfig, suggestions: Sequence[Suggestion]) -> None:
    """Print the suggestions, where the results are, and what to run next."""
    columns = "{:>4}  {:<20} {:>8} {:<16} {:<16} {:>11} {:>8}  {}"
    print(columns.format("", "video", "time", "frames", "label", "uncertainty", "novelty", "why"))
    for clip in suggestions:
        frames = f"{clip.start_frame}:{clip.stop_frame}"
        uncertainty = "" if clip.uncertainty is None else f"{clip.uncertainty:.2f}"
        novelty = f"{clip.novelty:.2f}"
        print(columns.format(clip.rank, clip.video, clip.start, frames, clip.label, uncertainty, novelty, clip.why))
    stems = file_stems(suggestion.video for suggestion in suggestions)
    example = config.output / _REVIEW / f"{stems[suggestions[0].video]}_annot.txt"
    print(f"\nsuggestions: {config.output / _LIST}")
    print(f"             {_PICTURE} shows them in time and among all clips")
    print(f"             {_REVIEW}/ has the clips as files for the Caltech annotator and BORIS, to correct")
    hint = f" (give the clips called {SUGGESTED} a behaviour)" if config.predictions is None else ""
    print(f"next:        correct {example} and the others{hint}, then")
    print("             ssl-behavior finetune --encoder ENCODER --recordings TRACKS \\")
    review = shlex.quote(f"{config.output / _REVIEW}/*_annot.txt")
    print(f"                 --annotations {review} --unscored {shlex.quote(_filler(config))}")


main = run.command(SuggestConfig, suggest, "Suggest which clips to label next.", _next_steps)


if __name__ == "__main__":
    main()
