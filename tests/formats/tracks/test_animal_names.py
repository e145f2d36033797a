"""Names of keypoints that tell animals apart, and those that repeat within one animal."""

from __future__ import annotations

import pytest

from ssl_behavior.formats.tracks.animal_names import possible_animals, recognised_animals, stated_animals

BODY = ("nose", "left_ear", "right_ear", "centre", "tail_base")
SIMBA = ("Nose", "Ear_left", "Ear_right", "Center", "Lat_left", "Lat_right", "Tail_base", "Tail_end")


def prefixed(tags, parts=BODY, gap="_"):
    return [f"{tag}{gap}{part}" for tag in tags for part in parts]


def suffixed(tags, parts=SIMBA, gap="_"):
    return [f"{part}{gap}{tag}" for tag in tags for part in parts]


@pytest.mark.parametrize(
    ("names", "individuals", "parts"),
    [
        (suffixed("12"), ("individual1", "individual2"), SIMBA),
        (suffixed("123"), ("individual1", "individual2", "individual3"), SIMBA),
        (suffixed("ab"), ("a", "b"), SIMBA),
        (suffixed(("mouse1", "mouse2")), ("mouse1", "mouse2"), SIMBA),
        (suffixed(("mouse_1", "mouse_2")), ("mouse_1", "mouse_2"), SIMBA),
        (suffixed("12", gap=""), ("individual1", "individual2"), SIMBA),
        (suffixed("12", gap="."), ("individual1", "individual2"), SIMBA),
        ([*SIMBA, *suffixed("1", gap=".")], ("individual1", "individual2"), SIMBA),  # as pandas renames columns
        ([*SIMBA, *suffixed("2")], ("individual1", "individual2"), SIMBA),
        (prefixed("BW", ("Nose", "Left_ear", "Tail")), ("B", "W"), ("Nose", "Left_ear", "Tail")),
        (prefixed("12"), ("individual1", "individual2"), BODY),
        (prefixed(("mouse1", "mouse2")), ("mouse1", "mouse2"), BODY),
        (prefixed(("mouse_1", "mouse_2")), ("mouse_1", "mouse_2"), BODY),
        (prefixed(("mouse1", "mouse2"), SIMBA, ""), ("mouse1", "mouse2"), SIMBA),
        (prefixed(("resident", "intruder"), gap="-"), ("resident", "intruder"), BODY),
        (prefixed(("left_mouse", "right_mouse")), ("left_mouse", "right_mouse"), BODY),
        (suffixed("12", ("head", "thorax", "abdomen")), ("individual1", "individual2"), ("head", "thorax", "abdomen")),
        (["nose_mouse1", "nose_mouse2"], ("mouse1", "mouse2"), ("nose",)),
        ([*BODY, *prefixed(["demo"])], ("individual1", "demo"), BODY),
        ([*BODY, *suffixed(["stim"], BODY)], ("individual1", "stim"), BODY),
        (
            ["BlackNose", "BlackHip", "BlackTail", "WhiteNose", "WhiteHip", "WhiteTail"],
            ("Black", "White"),
            ("Nose", "Hip", "Tail"),
        ),
        (suffixed("AB", ("nose", "leftEar", "tail"), ""), ("A", "B"), ("nose", "leftEar", "tail")),
        (["b_nose", "b_tail_base", "b_hip", "w_Nose", "w_Tailbase", "w_Hip"], ("b", "w"), ("nose", "tail_base", "hip")),
        (prefixed("abc"), ("a", "b", "c"), BODY),
        (prefixed("rgb"), ("r", "g", "b"), BODY),
    ],
)
def test_prefixes_and_suffixes_that_repeat_a_whole_body_are_animals(names, individuals, parts):
    animals = recognised_animals(names)
    assert not animals.are_views
    assert animals.individuals == individuals
    assert animals.parts == tuple(parts)
    for group in animals.groups.values():
        assert len(group) == len(parts)


def test_the_order_of_the_names_does_not_matter():
    names = [f"{part}_{tag}" for part in SIMBA for tag in "21"]
    animals = recognised_animals(names)
    assert animals.individuals == ("individual2", "individual1")
    assert [names[number] for number in animals.groups["1"].values()] == [f"{part}_1" for part in SIMBA]


@pytest.mark.parametrize(
    "names",
    [
        prefixed(("cam1", "cam2")),
        prefixed(("cam_1", "cam_2")),
        prefixed(("camA", "camB")),
        prefixed(("leftcam", "rightcam")),
        prefixed(("Camera1", "Camera2"), gap=""),
        prefixed(("top", "side")),
        prefixed(("left", "right")),
        prefixed(("L", "R")),
        prefixed(("view1", "view2")),
        prefixed(("mirror", "video")),
        suffixed(("cam1", "cam2")),
        suffixed(("top", "bottom")),
        prefixed([f"cam{camera}_mouse{mouse}" for camera in (1, 2) for mouse in (1, 2)]),
    ],
)
def test_views_and_sides_of_one_animal_are_no_animals_but_are_noticed(names):
    assert recognised_animals(names).are_views


@pytest.mark.parametrize(
    "names",
    [
        BODY,
        SIMBA,
        prefixed(("L1", "L2", "L3", "R1", "R2", "R3"), ("coxa", "femur", "tibia")),
        prefixed(("T1", "T2", "T3"), ("coxa", "femur", "tibia", "tarsus")),
        prefixed(("LF", "RF", "LH", "RH"), ("shoulder", "elbow", "paw")),
        prefixed(("foreleft", "foreright", "hindleft", "hindright"), ("knee", "ankle", "toe")),
        prefixed(("index", "middle", "ring"), ("mcp", "pip", "tip")),
        prefixed(("left", "right"), ("ear", "hip", "paw")),
        suffixed(("left", "right"), ("ear", "hip", "paw")),
        suffixed("12", ("spine", "tail", "leg")),
        ["nose", *suffixed("12", ("spine", "tail", "neck"))],
        suffixed(("tip", "base"), ("ear", "tail", "wing")),
        ["snout", "leftear", "rightear", "spine1", "spine2", "spine3", "tailbase", "tail1", "tail2", "tailend"],
        ["top", "body", "tail", "tail-m", "tail-e"],
        ["Nose", "Left_ear"],
        [*prefixed("BW", BODY), "C_nose"],  # not the whole body
        ["x"],
        [],
    ],
)
def test_names_that_repeat_within_one_animal_are_no_animals(names):
    assert recognised_animals(names) is None


def test_corners_of_the_arena_belong_to_no_animal():
    names = [*prefixed("BW", BODY), "corner_1", "corner_2", "corner_3"]
    animals = recognised_animals(names)
    assert animals.individuals == ("B", "W")
    assert [names[number] for number in animals.others] == ["corner_1", "corner_2", "corner_3"]


def test_a_person_may_say_that_any_prefix_or_suffix_is_an_animal():
    legs = prefixed(("L1", "R1"), ("coxa", "femur", "tibia"))
    assert stated_animals(legs, "prefix").individuals == ("L1", "R1")
    assert stated_animals(suffixed(("cam1", "cam2")), "suffix").individuals == ("cam1", "cam2")
    without_tail = [name for name in prefixed("BW") if name != "W_tail_base"]
    animals = stated_animals(without_tail, "prefix")
    assert animals.individuals == ("B", "W")
    assert animals.parts == BODY
    assert "tail_base" not in animals.groups["W"]
    assert stated_animals(("snout", "hip", "tail"), "prefix") is None
    assert stated_animals(("snout", "hip", "tail"), "suffix") is None


@pytest.mark.parametrize(
    ("names", "individuals", "parts", "lacking"),
    [
        ([*prefixed(["resident"]), *prefixed(["intruder"], BODY[:-1])], ("resident", "intruder"), BODY, "tail_base"),
        ([*prefixed("rg"), *prefixed("b", BODY[:-1])], ("r", "g", "b"), BODY, "tail_base"),
        ([*suffixed("1", BODY), *suffixed("2", BODY[:3])], ("individual1", "individual2"), BODY, "tail_base"),
        ([*BODY, *prefixed(["partner"], BODY[:-1])], ("individual1", "partner"), BODY, "tail_base"),
        (
            ["nose", "leftEar", "hip", "nose2", "leftear2"],
            ("individual1", "individual2"),
            ("nose", "leftEar", "hip"),
            "hip",
        ),
    ],
)
def test_an_animal_may_lack_some_keypoints(names, individuals, parts, lacking):
    animals = recognised_animals(names)
    assert not animals.are_views
    assert animals.individuals == individuals
    assert animals.parts == tuple(parts)
    *whole, last = animals.groups.values()
    assert lacking not in last
    assert all(set(group) == set(parts) for group in whole)


def test_corners_beside_an_animal_without_a_prefix_belong_to_no_animal():
    names = [*BODY, "corner_1", "corner_2", *prefixed(["demo"])]
    animals = recognised_animals(names)
    assert animals.parts == BODY
    assert [names[number] for number in animals.others] == ["corner_1", "corner_2"]


@pytest.mark.parametrize(
    ("names", "origin"),
    [
        ([*BODY, "stim_nose", "stim_body", "stim_tail"], "prefix"),
        (["m1_nose", "m1_tail", "m2_nose", "m2_tail"], "prefix"),
        ([*BODY, "nose_2"], "suffix"),
        ([*prefixed("BW"), "C_nose"], "prefix"),
    ],
)
def test_a_nose_that_repeats_may_be_that_of_another_animal(names, origin):
    assert recognised_animals(names) is None
    possible = possible_animals(names)
    assert possible.origin == origin
    assert possible == stated_animals(names, origin)


@pytest.mark.parametrize(
    "names",
    [
        BODY,
        SIMBA,
        ["nose_tip", "nose_base", "ear_left", "ear_right", "tail_tip", "tail_base"],
        ["head_left", "head_right", "head_center", "body_left", "body_right", "body_center"],
        ["nose", "mirror_nose", "tail"],
        prefixed(("L1", "L2", "R1", "R2"), ("coxa", "femur", "tibia")),
        ["snout", "leftear", "rightear", "spine1", "spine2", "spine3", "tailbase", "tail1", "tail2", "tailend"],
        ["x"],
        [],
    ],
)
def test_parts_of_one_animal_suggest_no_other(names):
    animals = recognised_animals(names)
    assert animals is None or animals.are_views
    assert possible_animals(names) is None
