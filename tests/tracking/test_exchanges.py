"""Exchanges: a list of them and the names of every frame say the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ssl_behavior.tracking.exchanges import Exchange, exchanged_names, list_exchanges


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.permutations(range(n)), min_size=1, max_size=12)), st.integers(0, 5)
)
def test_the_list_makes_the_names_again(names: list[list[int]], longest_slip: int) -> None:
    path = np.array(names)
    found = list_exchanges(path, longest_slip)
    np.testing.assert_array_equal(exchanged_names(found, *path.shape), path)
    assert [each.start for each in found] == sorted(each.start for each in found)


def test_an_exchange_that_is_taken_back_soon_ends_and_a_later_one_lasts() -> None:
    is_exchanged = np.zeros(100, bool)
    is_exchanged[10:14] = is_exchanged[40:90] = True
    path = np.where(is_exchanged[:, None], [1, 0], [0, 1])
    assert list_exchanges(path, 20) == [
        Exchange(10, 14, (0, 1)),
        Exchange(40, None, (0, 1)),
        Exchange(90, None, (0, 1)),
    ]


def test_three_animals_that_change_places_in_a_circle_are_two_exchanges() -> None:
    path = np.array([[0, 1, 2]] * 5 + [[1, 2, 0]] * 5)
    assert [each.start for each in list_exchanges(path, 2)] == [5, 5]
