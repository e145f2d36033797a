"""Optical flow moves poses as the image moves, and animals that run far keep their identities."""

import cv2
import numpy as np
import pytest

from ssl_behavior.scoring.identities import identity_scores
from ssl_behavior.tracking.association import associate, associate_by_flow, seen_instances
from ssl_behavior.tracking.exchange_costs import exchange_costs
from ssl_behavior.tracking.memory import motion_scale
from ssl_behavior.tracking.optical_flow import LONGEST_SIDE, FlowField, flow_fields
from ssl_behavior.tracking.renaming import likeliest_names
from ssl_behavior.tracking.tracks import identify
from tests.tracking.film import chase, images, poses

TRUE = np.array([0, 1])


@pytest.fixture(scope="module")
def flow() -> list[FlowField]:
    return list(flow_fields(images(chase())))


def switches(tracks: np.ndarray, identities: np.ndarray) -> int:
    return identity_scores(np.where(seen_instances(tracks), TRUE, -1), identities).switches


@pytest.mark.parametrize("scale", [1, 3])
def test_an_image_that_is_shifted_moves_every_point_by_as_much(scale: int) -> None:
    texture = np.random.default_rng(0).integers(0, 256, (40, 60)).astype(np.uint8)
    size = (LONGEST_SIDE * scale, 160 * scale)
    image = cv2.resize(texture, size, interpolation=cv2.INTER_CUBIC)
    shift = np.array([5.0, -2.0]) * scale
    shifted = cv2.warpAffine(image, np.array([[1, 0, shift[0]], [0, 1, shift[1]]]), size)
    (field,) = flow_fields([image, shifted])
    assert field.scale == scale
    points = np.random.default_rng(1).uniform(0.2, 0.8, (2, 50, 2)) * size
    np.testing.assert_allclose(field.at(points), np.broadcast_to(shift, points.shape), atol=0.2 * scale)


def test_flow_between_pixels_is_interpolated_and_goes_on_past_the_edges() -> None:
    y, x = np.mgrid[:20, :30]
    field = FlowField(np.stack([2.0 * x, x + y], axis=-1), scale=4.0)
    # The centre of the first pixel of the field is that of the first four of the video.
    np.testing.assert_allclose(field.at(np.array([[1.5, 1.5], [7.5, 1.5], [23.5, 15.5]])), [[0, 0], [12, 6], [44, 36]])
    np.testing.assert_allclose(field.at(np.array([[-50.0, 1.5], [1e4, 1e4]])), [[0, 0], [232, 192]])
    assert field.at(np.array([np.nan, np.nan])).tolist() == [0, 0]


def test_animals_that_run_almost_as_far_as_they_are_apart_keep_their_identities(flow: list[FlowField]) -> None:
    tracks = poses(chase())
    assert switches(tracks, associate(tracks, 2)) > 0
    assert switches(tracks, associate_by_flow(tracks, 2, flow)[0]) == 0
    assert switches(tracks, identify(tracks, 2, flow)) == 0


def test_names_that_are_settled_after_flow_do_not_undo_it(flow: list[FlowField]) -> None:
    tracks = poses(chase())
    scale = motion_scale(tracks, seen_instances(tracks))
    identities, drift = associate_by_flow(tracks, 2, flow)
    np.testing.assert_array_equal(identities, np.broadcast_to(TRUE, identities.shape))
    assert (likeliest_names(tracks, 2.5, scale) != TRUE).any()
    assert (likeliest_names(tracks, 2.5, scale, drift) == TRUE).all()
    # Animals that can be told apart by their shapes have their motion weighed once more.
    costs, with_flow = exchange_costs(tracks, scale), exchange_costs(tracks, scale, drift)
    runs = np.flatnonzero(costs < 0)
    assert len(runs) > 0
    assert (with_flow[runs] > 0).all()


def test_the_image_carries_an_animal_that_is_unseen() -> None:
    """Both animals walk on, and the unseen one comes out where the other one was when it hid."""
    centres = np.stack([np.arange(30)[:, None] * [4.0, 0], np.arange(30)[:, None] * [4.0, 0] + [60.0, 0]], axis=1)
    tracks = poses(centres, noise=0)
    tracks[5:20, 0] = np.nan
    walking = [FlowField(np.full((8, 8, 2), [0.1, 0]), 40.0)] * 29
    identities, drift = associate_by_flow(tracks, 2, walking)
    assert switches(tracks, identities) == 0
    np.testing.assert_allclose(drift[1:], np.broadcast_to([4.0, 0], drift[1:].shape))


def test_where_the_image_stands_still_or_ends_flow_changes_nothing() -> None:
    tracks = poses(chase(step=5.0))
    still = [FlowField(np.zeros((4, 4, 2)), 80.0)] * 20
    identities, drift = associate_by_flow(tracks, 2, still)
    np.testing.assert_array_equal(identities, associate(tracks, 2))
    assert not drift.any()
    np.testing.assert_array_equal(identify(tracks, 2, still), identify(tracks, 2))


def test_poses_in_three_dimensions_are_in_no_image() -> None:
    with pytest.raises(ValueError, match=r"keypoint, 2\) in an image"):
        associate_by_flow(np.zeros((3, 2, 4, 3)), 2, [])
