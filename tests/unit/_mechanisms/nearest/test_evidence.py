"""What neighbours say: the vote, the candidate and the numbers."""

from frugal._mechanisms.nearest import NEIGHBOURS, Neighbour
from frugal._mechanisms.nearest.evidence import weigh


def test_nothing_near_is_no_evidence():
    """An empty partition says nothing."""
    assert weigh([]) is None


def test_the_class_with_the_larger_weight_wins_and_its_nearest_entry_is_served():
    """Many agreeing entries outvote a slightly nearer stray one."""
    neighbours = [Neighbour(1, 0.905, "stray"), *(Neighbour(at, 0.9, "common") for at in range(2, 9))]
    evidence = weigh(neighbours)
    assert (2, "common", 0.9) == (evidence.entry, evidence.answer, evidence.similarity)


def test_a_refused_candidate_gives_way_to_the_next_of_its_class():
    """The veto is asked again for the next nearest entry with the same answer, and remembered."""
    neighbours = [Neighbour(1, 0.95, "a"), Neighbour(2, 0.94, "a"), Neighbour(3, 0.5, "b")]
    evidence = weigh(neighbours, lambda id: "dates" if id == 1 else None)
    assert (2, True, ((1, "dates"),)) == (evidence.entry, evidence.allowed, evidence.vetoed)


def test_where_all_are_refused_none_is_allowed():
    """Evidence remains, for learning, but nothing of it may be served."""
    evidence = weigh([Neighbour(1, 0.95, "a"), Neighbour(2, 0.94, "a")], lambda id: "dates")
    assert (False, 1, 2) == (evidence.allowed, evidence.entry, len(evidence.vetoed))


def test_few_neighbours_speak_less_than_many():
    """An absent neighbour does not agree: a young cache is a doubtful one."""
    one = weigh([Neighbour(1, 0.9, "a")]).numbers
    many = weigh([Neighbour(at, 0.9 - at / 1000, "a") for at in range(1, NEIGHBOURS + 1)]).numbers
    assert one[0] < many[0]
    assert one[1] < many[1]
    assert one[2] < many[2]


def test_disagreement_shortens_the_lead():
    """The lead over the nearest entry that disagrees is part of the evidence, and so is the own record."""
    close = weigh([Neighbour(1, 0.9, "a"), Neighbour(2, 0.89, "b")]).numbers
    clear = weigh([Neighbour(1, 0.9, "a"), Neighbour(2, 0.5, "b")]).numbers
    proven = weigh([Neighbour(1, 0.9, "a", right=9), Neighbour(2, 0.5, "b")]).numbers
    assert close[4] < clear[4]
    assert clear[6] < proven[6]
