import numpy as np

from ssl_behavior.active_learning import choose_clips, entropy


def test_the_choice_on_paper() -> None:
    clips = np.eye(3, dtype=np.float32)[[0, 1, 1, 2, 2, 2]]
    none = np.zeros((0, 3), np.float32)
    assert [choice.clip for choice in choose_clips(clips, None, none, 3)] == [3, 1, 0]
    assert [choice.clip for choice in choose_clips(clips, None, clips[3:4], 2)] == [1, 0]
    # A clip like no other counts by its own uncertainty only, and three certain clips count little together.
    uncertainty = np.array([0.6, 0.5, 0.6, 0.1, 0.1, 0.1])
    assert [choice.clip for choice in choose_clips(clips, uncertainty, none, 2)] == [2, 0]
    assert [choice.novelty for choice in choose_clips(clips, None, none, 6)] == [1, 1, 1, 0, 0, 0]
    assert sorted(choice.clip for choice in choose_clips(clips, None, none, 100)) == list(range(6))


def test_the_same_seed_chooses_the_same_of_many_clips() -> None:
    rng = np.random.default_rng(0)
    many = rng.normal(size=(3_000, 8)).astype(np.float32)
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    assert choose_clips(many, None, many[:5], 5, seed=1) == choose_clips(many, None, many[:5], 5, seed=1)
    assert choose_clips(many, None, many[:5], 5, seed=1) != choose_clips(many, None, many[:5], 5, seed=2)


def test_entropy_is_a_share_of_its_maximum() -> None:
    np.testing.assert_allclose(
        entropy(np.array([[1 / 3] * 3, [1, 0, 0], [0.5, 0.5, 0]])), [1, 0, np.log(2) / np.log(3)]
    )
    np.testing.assert_allclose(entropy(np.array([[1.0], [1.0]])), [0, 0])
