"""How a cost reads."""

from frugal import Cost, usd


def test_a_cost_reads_as_dollars_with_what_is_not_known():
    """Printed, it says the amount, the bounds where it is estimated, and how many calls have no price."""
    exact, unpriced = Cost.exact(usd("0.0125")), Cost.unpriced()
    estimated = Cost.estimated(usd("0.02"), usd("0"), usd("0.05"))
    assert ["$0.0125", "~$0.0200 ($0.0000 to $0.0500)", "unpriced", "$0.0125 and 1 unpriced"] == [
        str(exact),
        str(estimated),
        str(unpriced),
        str(exact + unpriced),
    ]
