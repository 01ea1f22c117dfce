"""Promises of the learned router: it keeps the quality it was asked to keep, and says what it expects."""

import asyncio
import csv
import gzip
import io
import json
import random
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pytest

from frugal._values.money import Money
from frugal._values.routing import Constraints, Model, Request
from frugal.errors import EmbeddingError, NoEligibleModelError
from frugal.routers.learned import learned
from frugal.routers.learned.holding import held_back, parted

MODELS = ["small", "large"]


def embed(texts):
    """Put the topic of a made-up query on an axis of its own."""
    return [[float("hard" in t), float("easy" in t), 0.1] for t in texts]


def history(count=400, seed=1, *, costs=True):
    """Make outcomes where the small model does easy queries as well as the large one, and hard ones seldom."""
    chance = random.Random(seed)
    rows = []
    for n in range(count):
        kind = chance.choice(["hard", "easy"])
        small = {"hard": 0.2, "easy": 0.95}[kind]
        for model, rate, cost in (("small", small, 0.001), ("large", 0.95, 0.02)):
            row = {"query": f"{kind} question {n}", "model": model, "success": chance.random() < rate}
            rows.append({**row, "cost": cost} if costs else row)
    return rows


def ask(route, text="easy question", **facts):
    """Route one text."""
    return asyncio.run(route(Request(text=text, **facts)))


@pytest.fixture(scope="module")
def fitted():
    """Fit once for the tests that only ask."""
    return learned(MODELS, quality=0.95, embed=embed).fit(history())


def test_it_sends_easy_queries_to_the_small_model_and_hard_ones_to_the_large(fitted):
    """What the past says of queries like this one."""
    assert ask(fitted).model == "small"
    assert ask(fitted, "hard question").model == "large"
    assert "predicted success small 0." in ask(fitted).reason
    assert set(ask(fitted).scores) == set(MODELS)


def test_it_reports_what_it_expects(fitted):
    """Measured on held-back outcomes: quality kept at a lower cost."""
    expected = fitted.expected
    assert expected.strongest == "large"
    assert expected.kept >= 0.93
    assert 0.4 < expected.cost / expected.strongest_cost < 0.7
    assert expected.shares["small"] + expected.shares["large"] == pytest.approx(1)
    assert expected.observed == 1.0
    assert "of large's" in str(expected)


@pytest.mark.parametrize("quality", [0.6, 0.8, 0.9, 1.0])
def test_the_mean_over_new_traffic_keeps_the_quality(quality):
    """On queries that it has never seen, within the noise of a thousand of them."""
    route = learned(MODELS, quality=quality, embed=embed).fit(history(400))
    rows = history(1_000, seed=2)
    truth = {(row["query"], row["model"]): row["success"] for row in rows}
    queries = sorted({row["query"] for row in rows})

    async def serve():
        return [truth[query, (await route(Request(text=query))).model] for query in queries]

    served = np.mean(asyncio.run(serve()))
    strongest = np.mean([truth[query, "large"] for query in queries])
    assert served >= quality * strongest - 0.03


def test_less_quality_costs_less():
    """Or it would be kept for nothing."""
    costs = [learned(MODELS, quality=q, embed=embed).fit(history(400)).expected.cost for q in (0.6, 0.8, 1.0)]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_where_nothing_can_be_told_it_is_no_worse_than_the_quality_asked_for():
    """Noise for embeddings still leaves the mean where it was asked to be."""
    chance = random.Random(3)
    rows = [
        {"query": f"q{n}", "model": m, "success": chance.random() < p, "cost": c}
        for n in range(400)
        for m, p, c in (("small", 0.5, 0.001), ("large", 0.9, 0.02))
    ]
    noise = {f"q{n}": [chance.gauss(0, 1) for _ in range(8)] for n in range(400)}
    route = learned(MODELS, quality=0.8, embed=lambda texts: [noise[t] for t in texts]).fit(rows)
    assert route.expected.kept >= 0.77


def test_it_does_not_judge_itself_by_what_it_has_seen():
    """A held-back query is predicted without its own outcome: noise is not foretold."""
    generator = np.random.default_rng(6)
    points = generator.normal(size=(1_500, 8)).astype(np.float32)
    success = (generator.random((1_500, 2)) < 0.5).astype(np.float32)
    _, held = held_back(parted(points, success, np.ones_like(success)))
    foretold = np.corrcoef(held.foreseen.success[:, 0], held.success[:, 0])[0, 1]
    assert abs(foretold) < 0.08


def test_a_price_fills_in_for_the_model_alone_that_has_no_cost():
    """What the rows say of the other one stays."""
    rows = [row if row["model"] == "small" else {**row, "cost": None} for row in history()]
    route = learned(MODELS, quality=1.0, embed=embed).fit(rows, price_of=lambda m, usage: Money(2 * 10**10))
    assert route.expected.strongest_cost == pytest.approx(0.02)


def test_without_its_strongest_model_it_takes_the_next(fitted):
    """When the query has no vector and the strongest is excluded."""
    route = replace(fitted, models=("small", Model("large", vision=False)))
    assert ask(route, "", images=[b""]).model == "small"


def test_a_suggestion_may_be_all_that_is_left(fitted):
    """A budget near its limit may name a model that is none of ours."""

    @dataclass
    class State:
        suggest: str = "gpt-4o"
        warning: bool = True
        remaining: Money | None = None

    route = replace(fitted, models=(Model("small", vision=False), Model("large", vision=False)))
    assert ask(route, images=[b""], budgets=[State()]).model == "gpt-4o"


def test_predictions_can_be_asked_for(fitted):
    """To see what it thinks of a query."""
    told = asyncio.run(fitted.predicted("hard one"))
    assert told["small"] < 0.5 < told["large"]


def write_csv(path, rows):
    """Write rows as CSV, by the name's suffix gzipped."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["query", "model", "success", "cost"])
    writer.writeheader()
    writer.writerows(rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.mark.parametrize("name", ["rows.csv", "rows.csv.gz", "rows.jsonl", "rows.jsonl.gz"])
def test_it_learns_from_files_as_from_rows(tmp_path, fitted, name):
    """Quotes, commas and line breaks in a query included."""
    path = tmp_path / name
    rows = [{**row, "query": f'{row["query"]},\n"x"'} for row in history()]
    if ".csv" in name:
        write_csv(path, rows)
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows) + "\n"
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    route = learned(MODELS, quality=0.95, embed=embed).fit(path)
    assert route.expected == learned(MODELS, quality=0.95, embed=embed).fit(rows).expected
    assert ask(route, "hard one").model == "large"


def test_it_learns_from_whatever_has_outcomes():
    """As a ledger with feedback has; rows may be objects, and vectors instead of texts."""

    @dataclass
    class Row:
        vector: list
        model: str
        success: bool
        cost: float

    class Kept:
        def outcomes(self):
            for row in history():
                vector = [*embed([row["query"]])[0][:2], zlib.crc32(row["query"].encode()) % 1_000 / 1e6]
                yield Row(vector, row["model"], row["success"], row["cost"])

    route = learned(MODELS, quality=0.95, embed=embed).fit(Kept())
    assert ask(route, "hard one").model == "large"


def test_outcomes_of_one_model_for_each_query_are_enough():
    """A ledger knows what was asked of one model only; the report says how much of it was observed."""
    chance = random.Random(4)
    rows = [row for row in history(800) if (row["model"] == "small") == (chance.random() < 0.5)]
    route = learned(MODELS, quality=0.95, embed=embed).fit(rows)
    assert ask(route, "hard one").model == "large"
    assert ask(route).model == "small"
    assert route.expected.observed < 1


def test_without_costs_in_the_rows_prices_are_asked():
    """And a cost in the rows wins over them."""
    prices = {"small": 100, "large": 1}

    def price_of(model, usage):
        return Money(prices[model] * usage.total_tokens)

    route = learned(MODELS, quality=0.95, embed=embed)
    assert ask(route.fit(history(costs=False), price_of=price_of), price_of=price_of).model == "large"
    assert ask(route.fit(history(), price_of=price_of), price_of=price_of).model == "small"
    with pytest.raises(ValueError, match=r"give the rows a cost, or fit\(price_of=\)"):
        route.fit(history(costs=False))


def test_a_warm_prompt_cache_is_part_of_the_price(fitted):
    """A long conversation with the large model may be cheaper to go on with than to begin again."""
    rates = {"small": 6_000_000, "large": 7_000_000}

    def price_of(model, usage):
        return Money(rates[model] * (usage.input_tokens + usage.cache_read_tokens // 10))

    facts = {"input_tokens": 3_000, "output_tokens": 0, "previous_model": "large", "price_of": price_of}
    warm, cold = (ask(fitted, cached_tokens=n, **facts) for n in (2_950, 0))
    assert cold.model == "small"
    assert warm.scores["large"] > cold.scores["large"]


def test_constraints_prune_first(fitted):
    """The best of the eligible ones; with none, the default or an error."""
    route = replace(fitted, models=(Model("small", vision=False), Model("large", vision=True)))
    assert ask(route, images=[b""]).model == "large"
    blind = replace(fitted, models=(Model("small", vision=False), Model("large", vision=False)))
    with pytest.raises(NoEligibleModelError):
        ask(blind, constraints=Constraints(requires_vision=True))
    assert ask(blind, images=[b""], default="eyes").model == "eyes"


@pytest.mark.parametrize("text", ["", "  \n"])
def test_a_query_that_has_no_vector_goes_to_the_strongest(fitted, text):
    """Quality is what was promised."""
    decision = ask(fitted, text)
    assert (decision.model, decision.reason) == ("large", "learned: strongest, the query has no vector")


def test_an_embedder_that_fails_costs_no_answer(fitted, caplog):
    """It is logged, and the strongest model answers."""

    def broken(texts):
        raise OSError("no weights")

    assert ask(fitted.with_embedder(broken)).model == "large"
    assert ask(fitted.with_embedder(lambda texts: [[1.0, 2.0]])).model == "large"
    assert "no weights" in caplog.text


def test_an_embedder_may_be_async_or_a_port():
    """In fit as in a call, with a loop running or not."""

    async def later(texts):
        await asyncio.sleep(0)
        return embed(texts)

    class Port:
        identity = "axes/3"

        async def embed(self, texts):
            if "unembeddable" in texts:
                raise EmbeddingError(self.identity, "no direction")
            return np.array(embed(texts), dtype=np.float32)

    async def inside():
        route = learned(MODELS, quality=0.95, embed=later).fit(history())
        return (await route(Request(text="hard one"))).model

    assert asyncio.run(inside()) == "large"
    port = learned(MODELS, quality=0.95, embed=Port()).fit(history())
    assert ask(port, "hard one").model == "large"
    assert "no vector" in ask(port, "unembeddable").reason


def test_what_fails_while_fitting_is_raised_with_a_loop_and_without():
    """Not swallowed by the thread that it runs in."""

    def broken(texts):
        raise OSError("no weights")

    async def inside():
        learned(MODELS, quality=0.9, embed=broken).fit(history())

    with pytest.raises(EmbeddingError, match="no weights"):
        asyncio.run(inside())
    with pytest.raises(EmbeddingError, match="shape"):
        learned(MODELS, quality=0.9, embed=lambda texts: [[1.0]]).fit(history())
    with pytest.raises(TypeError, match="needs embed="):
        learned(MODELS, quality=0.9).fit(history())


def test_it_is_saved_and_loaded_without_pickle(tmp_path, fitted):
    """The file holds numbers; the decisions and the report are the same."""
    path = tmp_path / "router.npz"
    fitted.save(path)
    again = learned(MODELS, quality=0.95, embed=embed).load(path)
    assert again.expected == fitted.expected
    for text in ("easy one", "hard one", "neither"):
        assert ask(again, text) == ask(fitted, text)
    assert [p.name for p in tmp_path.iterdir()] == ["router.npz"]


def test_a_file_that_is_not_ours_is_refused(tmp_path, fitted):
    """Nothing in it is run: an array of objects would need pickle."""
    path = tmp_path / "router.npz"
    route = learned(MODELS, quality=0.95, embed=embed)

    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the file was executed",))

    np.savez(path, header=np.array([Evil()], dtype=object))
    for spoil in (lambda: None, lambda: path.write_bytes(b"garbage"), lambda: path.write_bytes(b"")):
        spoil()
        with pytest.raises(ValueError, match="fit anew"):
            route.load(path)
    newer = np.frombuffer(json.dumps({"format": 99}).encode(), dtype=np.uint8)
    for change in ({"header": newer}, {"points": np.zeros((3, 3), np.float32)}):
        fitted.save(path)
        with np.load(path) as file:
            found = {name: file[name] for name in file.files}
        np.savez(path, **{**found, **change})
        with pytest.raises(ValueError, match="fit anew"):
            route.load(path)
    fitted.save(path)
    with pytest.raises(ValueError, match="name the same models"):
        learned(["small", "huge"], quality=0.95, embed=embed).load(path)
    with pytest.raises(OSError, match="nowhere"):
        route.load(tmp_path / "nowhere.npz")


def test_vectors_of_another_embedder_are_refused(tmp_path):
    """They are never compared."""

    class Port:
        def __init__(self, identity):
            self.identity = identity

        async def embed(self, texts):
            return np.array(embed(texts), dtype=np.float32)

    path = tmp_path / "router.npz"
    learned(MODELS, quality=0.9, embed=Port("a")).fit(history()).save(path)
    with pytest.raises(ValueError, match="it was learned with 'a', not 'b'"):
        learned(MODELS, quality=0.9, embed=Port("b")).load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": ""}, "row 3 names no model"),
        ({"query": " "}, "row 3 has no query"),
        ({"success": "perhaps"}, "row 3 has success 'perhaps'"),
        ({"success": 1.5}, "row 3 has success 1.5"),
        ({"success": None}, "row 3 has success None"),
        ({"cost": -1}, "row 3 has cost -1"),
        ({"cost": "nan"}, "row 3 has cost 'nan'"),
        ({"vector": [1.0, "x"]}, "row 3 has a vector"),
        ({"vector": [0.0]}, "row 3 has a vector"),
        ({"vector": 3}, "row 3 has a vector"),
        ({"vector": [1.0, 2.0]}, "cannot be compared"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(change, message):
    """Never a silent gap."""
    rows = history()
    rows[2] = {**rows[2], **change}
    with pytest.raises(ValueError, match=message):
        learned(MODELS, quality=0.9, embed=embed).fit(rows)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    """With the line."""
    route = learned(MODELS, quality=0.9, embed=embed)
    for name, text, message in (
        ("rows.txt", "x", "neither .csv nor .jsonl"),
        ("rows.jsonl", "{}\n", "line 1 names no model"),
        ("rows.jsonl", "\n{", "line 2 is not JSON"),
        ("rows.jsonl", "[1]", "one object a line"),
        ("rows.csv", "query,model\nq,m\n", "line 2 has success None"),
    ):
        path = tmp_path / name
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            route.fit(path)
    for source in (3, {"query": "q"}):
        with pytest.raises(TypeError, match="give a path, or rows"):
            route.fit(source)


def test_too_little_to_learn_from_is_an_error():
    """A calibration on a handful says nothing; a model without outcomes cannot be predicted."""
    route = learned(MODELS, quality=0.9, embed=embed)
    with pytest.raises(ValueError, match="too few"):
        route.fit(history(10))
    with pytest.raises(ValueError, match="no row tells of model 'large'"):
        route.fit([row for row in history() if row["model"] == "small"])


def test_rows_of_other_models_are_left_out(fitted):
    """A ledger holds more than what is routed to."""
    rows = [*history(), {"query": "easy", "model": "another", "success": True, "cost": 1}]
    assert learned(MODELS, quality=0.95, embed=embed).fit(rows).expected == fitted.expected


def test_it_has_to_learn_first():
    """Not a guess."""
    with pytest.raises(RuntimeError, match=r"call fit\(\)"):
        ask(learned(MODELS, quality=0.9, embed=embed))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"models": "a", "quality": 0.9}, TypeError),
        ({"models": ["a"], "quality": 0.9}, ValueError),
        ({"models": ["a", "a"], "quality": 0.9}, ValueError),
        ({"models": ["a", "b"], "quality": 0}, ValueError),
        ({"models": ["a", "b"], "quality": 1.1}, ValueError),
        ({"models": ["a", "b"], "quality": "high"}, ValueError),
        ({"models": ["a", "b"], "quality": 0.9, "embed": 3}, TypeError),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    """At decoration."""
    with pytest.raises(error):
        learned(**arguments)


def test_of_a_megabyte_only_the_head_is_looked_at():
    """So it is routed in bounded time."""
    longest = []

    def watched(texts):
        longest.append(max(map(len, texts)))
        return embed(texts)

    route = learned(MODELS, quality=0.95, embed=watched).fit(history())
    longest.clear()
    ask(route, "hard " * 200_000)
    assert [8_000] == longest
