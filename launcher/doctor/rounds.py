"""Who measures with whom, and when: as many pairs at once as share no machine; no I/O."""

from __future__ import annotations

from collections.abc import Iterable

Pair = tuple[int, int]


def rounds_of(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """The pairs in rounds, in each of which everybody is in one pair at most.

    Pairs of all n machines take the fewest rounds there can be (n - 1, or n if n is odd), as in a
    tournament where one stays and the others move on by a place.

    Example:
        >>> rounds_of([(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)])
        [[(0, 3), (1, 2)], [(0, 1), (2, 3)], [(0, 2), (1, 3)]]
    """
    wanted = {(min(pair), max(pair)) for pair in pairs}
    n = max((high for _, high in wanted), default=-1) + 1
    n += n % 2
    places = list(range(n))
    rounds = []
    for _ in range(n - 1):
        met = zip(places[: n // 2], reversed(places[n // 2 :]), strict=True)
        round_ = sorted(tuple(sorted(pair)) for pair in met)
        rounds.append([(low, high) for low, high in round_ if (low, high) in wanted])
        places = [places[0], places[-1], *places[1:-1]]
    return [pairs for pairs in rounds if pairs]
