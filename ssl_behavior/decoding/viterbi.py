"""The most probable path through classes over time (Viterbi), without a Python step per frame.

Viterbi's recursion is a product of matrices in the (max, +) semiring, and products can be bracketed freely. Time is cut
into about sqrt(time) blocks that numpy works on side by side: first the product within each block, then the recursion
over the blocks, then the paths within them. This takes about 5 sqrt(time) numpy steps, and the path is exact.
"""

from __future__ import annotations

import numpy as np


def best_path(scores: np.ndarray, transitions: np.ndarray) -> np.ndarray:
    """Return the labels y that maximise sum_t scores[t, y_t] + sum_t transitions[y_{t-1}, y_t].

    Args:
        scores: (time, class) log probabilities.
        transitions: (class, class) log probabilities, from row to column.

    Returns:
        (time,) int16.
    """
    time, classes = scores.shape
    if time == 0:
        return np.zeros(0, np.int16)
    length = max(1, int(np.sqrt(time)))
    blocks = -(-time // length)
    # Frames that fill up the last block change nothing: all classes are equal there, and only staying is possible.
    padded = np.zeros((blocks * length, classes))
    padded[:time] = scores
    moves = np.broadcast_to(transitions, (blocks * length, classes, classes)).copy()
    moves[time:] = np.where(np.eye(classes, dtype=bool), 0.0, -np.inf)
    moves[0] = 0.0
    steps = (moves + padded[:, None, :]).reshape(blocks, length, classes, classes)
    starts = _block_starts(_block_products(steps))
    pointers, ends = _forward(steps, starts)
    return _backward(pointers, ends).reshape(-1)[:time].astype(np.int16)


def _block_products(steps: np.ndarray) -> np.ndarray:
    """Return (block, class, class) best score from the class before a block to the class at its end."""
    product = steps[:, 0]
    for t in range(1, steps.shape[1]):
        product = (product[:, :, :, None] + steps[:, t][:, None, :, :]).max(2)
    return product


def _block_starts(products: np.ndarray) -> np.ndarray:
    """Return (block, class) best score of each class in the frame before a block."""
    starts = np.zeros(products.shape[:2])
    for block in range(1, len(products)):
        starts[block] = (starts[block - 1][:, None] + products[block - 1]).max(0)
    return starts


def _forward(steps: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, int]:
    """Return (block, frame, class) best class one frame earlier; and the best class of the last frame."""
    pointers = np.empty(steps.shape[:3], np.int16)
    state = starts
    for t in range(steps.shape[1]):
        candidates = state[:, :, None] + steps[:, t]
        pointers[:, t] = candidates.argmax(1)
        state = candidates.max(1)
    return pointers, int(state[-1].argmax())


def _backward(pointers: np.ndarray, end: int) -> np.ndarray:
    """Return (block, frame) classes of the path.

    Paths within blocks are traced from every possible class at their end; then the true one is chosen, from the last
    block to the first.
    """
    blocks, length, classes = pointers.shape
    rows = np.arange(blocks)[:, None]
    paths = np.empty((blocks, length, classes), np.int16)
    current = np.broadcast_to(np.arange(classes, dtype=np.int16), (blocks, classes))
    for t in range(length - 1, -1, -1):
        paths[:, t] = current
        current = pointers[rows, t, current]
    labels = np.empty((blocks, length), np.int16)
    for block in range(blocks - 1, -1, -1):
        labels[block] = paths[block, :, end]
        end = int(current[block, end])
    return labels
