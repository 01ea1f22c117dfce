"""`frugal cache stats` shows what a semantic cache measured of itself."""

import json

from typer.testing import CliRunner

from frugal import metered, scope, semantic_cached
from frugal.cli import app
from frugal.testing import FakeModel


def embed(texts):
    """Return one of two directions."""
    return [[1.0, 0.0] if "yes" in text else [0.0, 1.0] for text in texts]


async def test_cache_stats_shows_hits_explored_and_the_measured_bound():
    """By function, from what the cache keeps beside its entries."""
    provider = FakeModel(answer=lambda text: "yes" if "yes" in text else "no")

    @metered
    @semantic_cached(max_error_rate=0.2, embed=embed, veto=False)
    async def classify(messages, *, model="gpt-4o-mini"):
        return await provider(messages, model=model)

    with scope(user="ada"):
        for number in range(120):
            word = "yes" if number % 2 else "no"
            await classify([{"role": "user", "content": f"{word} {number}"}])
    ring = next(ring for ring in classify._self_plan.stack if getattr(ring, "name", "") == "semantic_cached")
    for task in list(ring.shadows):
        await task
    result = CliRunner().invoke(app, ["cache", "stats", "--json"])
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["semantic"]
    assert row["function"].endswith("classify")
    assert row["max_error_rate"] == 0.2
    assert row["queries"] >= row["hits"] + row["explored"]
    assert row["explored"] > 0
    assert row["hits"] > 0
    assert len(provider.calls) < 120
    shown = CliRunner().invoke(app, ["cache", "stats"])
    assert "measure themselves" in shown.output
