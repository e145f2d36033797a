"""MABe-2025: mice of many laboratories, actions of ordered pairs, and bouts that are scored by laboratory and action.

A folder in the competition's layout has, for the parts ``train`` and ``test``:

- ``train.csv`` (or ``.csv.gz``): a row per video, with its frame rate, its scale and the list of actions to look for;
- ``train_tracking/LAB/VIDEO.parquet``: a row per frame, mouse and body part;
- ``train_annotation/LAB/VIDEO.parquet``: a row per bout.

A submission is a CSV of bouts. ``ssl_behavior.scoring.mabe25`` has the official score.
"""
