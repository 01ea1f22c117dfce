"""Attacks on the answers: another's answer, a wrong one, half of one, or none at all."""

import asyncio
import contextlib
import dataclasses
import os
import subprocess
import sys
import textwrap
import threading
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import pydantic
import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    Model,
    NoEligibleModelError,
    batched,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    disk,
    explain_call,
    metered,
    routed,
    scope,
    semantic_cached,
    stack,
    usd,
)
from frugal.testing import FakeModel, FakeProviderError, MemoryLedger

ROOT = Path(__file__).parents[2]


async def turns(count=10):
    """Let everything that can go on, go on."""
    for _ in range(count):
        await asyncio.sleep(0)


# --------------------------------------------------------------------------- functions of one name


async def test_two_functions_of_one_factory_share_no_answer_on_disk():
    """What a function closes over tells it from its twin: here, the system prompt."""

    def asking(system):
        @cached
        async def ask(question):
            return f"{system}: {question}"

        return ask

    cats, dogs = asking("cats"), asking("dogs")
    assert await cats("food?") == "cats: food?"
    assert await dogs("food?") == "dogs: food?"
    assert await asking("cats")("food?") == "cats: food?"


async def test_two_partials_of_one_function_share_no_answer():
    """Arguments that a partial was given count like those of the call, though no signature shows them."""

    async def ask(system, question):
        return f"{system}: {question}"

    by_place = [cached(partial(ask, system)) for system in ("cats", "dogs")]
    by_name = [cached(partial(ask, system=system)) for system in ("cats", "dogs")]
    for ways in (by_place, by_name):
        assert [await way(question="food?") for way in ways] == ["cats: food?", "dogs: food?"]


class Agent:
    """An object with a prompt, a client and a counter, as agents are."""

    def __init__(self, system):
        self.system = system
        self.client = object()
        self.asked = 0

    async def ask(self, question):
        """Answer by this object's prompt."""
        self.asked += 1
        return f"{self.system}: {question}"

    async def __call__(self, question):
        """Answer likewise."""
        return await self.ask(question)


@pytest.mark.parametrize("of", [lambda agent: agent.ask, lambda agent: agent])
async def test_methods_of_two_objects_share_no_answer(of):
    """The object that a method is bound to, or that is called itself, tells it from its twin; its counters do not."""
    cats, dogs = Agent("cats"), Agent("dogs")
    assert await cached(of(cats))("food?") == "cats: food?"
    assert await cached(of(dogs))("food?") == "dogs: food?"
    assert await cached(of(cats))("food?") == "cats: food?"
    assert cats.asked == 1


async def test_what_a_function_counts_does_not_make_it_another(tmp_path):
    """State that the function itself changes is no part of it: decorated again, it finds what was kept."""
    calls, counts, total = [], {"all": 0}, 0

    def asking():
        @cached(layers=[disk(tmp_path / "cache")])
        async def ask(question):
            nonlocal total
            total += 1
            calls.append(question)
            counts["all"] += 1
            return question.upper()

        return ask

    assert [await asking()("food?") for _ in range(3)] == ["FOOD?"] * 3
    assert (calls, counts, total) == (["food?"], {"all": 1}, 1)


def test_two_scripts_share_no_answer(tmp_path):
    """Every script's functions are in `__main__`: the script tells them apart, not the name."""
    answers = []
    for name in ("cats", "dogs", "cats"):
        script = tmp_path / name / "app.py"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            textwrap.dedent(f"""
                import asyncio
                from frugal import cached
                @cached
                async def ask(question):
                    print("asked", end=" ")
                    return "{name}: " + question
                print(asyncio.run(ask("food?")))
            """)
        )
        done = subprocess.run([sys.executable, script], cwd=ROOT, capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip
        answers.append(done.stdout.strip())
    assert answers == ["asked cats: food?", "asked dogs: food?", "cats: food?"]


# --------------------------------------------------------------------------- shared flights


@pytest.mark.parametrize("linger", [0, 10])
async def test_a_leader_that_changes_its_answer_changes_no_followers(linger):
    """The leader goes on first, and has the answer itself; a follower's copy was made before that."""
    gate = asyncio.Event()

    @deduplicated(linger=linger)
    async def ask(question):
        await gate.wait()
        return {"texts": ["as it came"]}

    async def spoil():
        answer = await ask("?")
        answer["texts"].append("changed")

    spoiler, follower = asyncio.create_task(spoil()), asyncio.create_task(ask("?"))
    await turns()
    gate.set()
    await spoiler
    assert await follower == {"texts": ["as it came"]}
    if linger:
        assert await ask("?") == {"texts": ["as it came"]}


async def test_a_leader_that_changes_its_chunks_changes_no_followers():
    """One that joins a stream late reads it as it came, whatever those before it did to their chunks."""
    gate = asyncio.Event()

    @deduplicated
    async def ask(question):
        yield {"text": "one"}
        await gate.wait()
        yield {"text": "two"}

    first = ask("?")
    (await anext(first))["text"] = "changed"
    second = ask("?")
    gate.set()
    assert [chunk["text"] async for chunk in second] == ["one", "two"]
    assert [chunk["text"] async for chunk in first] == ["two"]


async def test_an_answer_that_cannot_be_copied_is_asked_for_by_each():
    """No caller is given an error, or another's object, for an answer that holds a lock."""
    gate = asyncio.Event()
    made = []

    class Answer:
        def __init__(self):
            self.lock = threading.Lock()
            made.append(self)

    @deduplicated
    async def ask(question):
        await gate.wait()
        return Answer()

    tasks = [asyncio.create_task(ask("?")) for _ in range(3)]
    await turns()
    gate.set()
    answers = await asyncio.gather(*tasks)
    assert len({id(answer) for answer in answers}) == 3
    assert len(made) == 3


# --------------------------------------------------------------------------- requests that differ where nobody looks


def one_direction(texts):
    """Embed every text alike, so that only what must be equal can tell two questions apart."""
    return [[1.0, 0.0] for _ in texts]


class Question(pydantic.BaseModel):
    text: str
    _system: str = pydantic.PrivateAttr(default="")


async def test_a_models_private_attributes_are_in_the_key():
    """A function may answer by what no dump of its argument shows."""

    @cached
    async def ask(question):
        return question._system

    cats, dogs = Question(text="food?"), Question(text="food?")
    cats._system, dogs._system = "cats", "dogs"
    assert [await ask(cats), await ask(dogs)] == ["cats", "dogs"]


@dataclasses.dataclass(slots=True)
class SlotsTurn:
    role: str
    content: str
    image: str = ""


class StructTurn(msgspec.Struct):
    role: str
    content: str
    image: str = ""


class ModelTurn(pydantic.BaseModel):
    role: str
    content: str
    image: str = pydantic.Field(default="", exclude=True)


class TupleTurn(NamedTuple):
    role: str
    content: str
    image: str = ""


@pytest.mark.parametrize("turn", [SlotsTurn, StructTurn, ModelTurn, TupleTurn])
async def test_what_stands_beside_the_last_users_text_must_be_equal(turn):
    """Whatever a message is made of, its image is part of the partition: slots and undumped fields, too."""

    @semantic_cached(embed=one_direction)
    async def ask(messages):
        return messages[-1].image

    for image in ("cat.png", "dog.png", "cat.png"):
        assert await ask([turn(role="user", content="What is this?", image=image)]) == image


async def test_a_question_that_repeats_its_system_prompt_does_not_hide_it():
    """`query=` names one text; the same text in another argument is still part of the partition."""

    @semantic_cached(embed=one_direction, veto=False, query=lambda call: call.arguments["question"])
    async def ask(system, question):
        return system

    assert [await ask(text, text) for text in ("be kind", "be rude")] == ["be kind", "be rude"]


async def test_a_keyword_cannot_pass_for_further_arguments():
    """Names with a star are a user's like others: `**{"*rest": …}` is no way to another's answer."""

    @cached
    async def ask(first, *rest, **named):
        return [first, list(rest), {name: list(value) for name, value in named.items()}]

    assert await ask("a", "b") == ["a", ["b"], {}]
    assert await ask("a", **{"*rest": ("b",)}) == ["a", [], {"*rest": ["b"]}]
    assert await ask("a", **{"**rest": ("b",)}) == ["a", [], {"**rest": ["b"]}]


async def test_a_batch_is_handled_with_its_own_callers_arguments():
    """An argument that was changed after an earlier batch changes nothing for those that equal what it was."""

    @batched(max_wait=0)
    async def embed(texts, *, options):
        return [options["model"]] * len(texts)

    options = {"model": "small"}
    assert await embed("text", options=options) == "small"
    options["model"] = "large"
    assert await embed("text", options={"model": "small"}) == "small"


async def test_a_forgotten_user_is_forgotten_by_every_semantic_cache(tmp_path):
    """All functions' entries in a directory go, in memory and on disk, with a name that has a line break, too."""
    asked = []

    def asking(name):
        @semantic_cached(embed=one_direction)
        async def ask(prompt):
            asked.append(name)
            return name

        return ask

    one, two = asking("one"), asking("two")
    with Ledger(tmp_path / "ledger") as ledger, scope(user="ann\nuser bob"):
        for _ in range(2):
            assert [await one("Hello there."), await two("Hello there.")] == ["one", "two"]
        assert asked == ["one", "two"]
        await asyncio.to_thread(ledger.forget, user="ann\nuser bob")
        assert [await one("Hello there."), await two("Hello there.")] == ["one", "two"]
        assert asked == ["one", "two"] * 2


# --------------------------------------------------------------------------- functions of the user's own


async def test_a_veto_may_be_async():
    """It is awaited on the loop, and decides; a coroutine that nobody awaits would refuse everything."""
    asked = []

    async def other_animal(one, other):
        await asyncio.sleep(0)
        return ("cat" in one) != ("cat" in other)

    @semantic_cached(embed=one_direction, veto=other_animal)
    async def ask(prompt):
        asked.append(prompt)
        return prompt

    assert await ask("Do cats sleep?") == "Do cats sleep?"
    assert await ask("Does a cat sleep?") == "Do cats sleep?"
    assert await ask("Do dogs sleep?") == "Do dogs sleep?"
    assert len(asked) == 2


async def test_another_embedding_model_is_another_index(tmp_path):
    """Functions of one name that ask different models never compare their vectors, and each finds its own again."""
    asked = []

    def asking(model):
        async def embed(texts):
            return [[1.0, 0.0] if model == "small" else [0.0, 1.0] for _ in texts]

        @semantic_cached(embed=embed, directory=tmp_path / "semantic")
        async def ask(prompt):
            asked.append(model)
            return model

        return ask

    assert [await asking(model)("Hello there.") for model in ("small", "large", "small")] == ["small", "large", "small"]
    assert asked == ["small", "large"]


async def test_the_answer_that_a_cascade_accepts_is_kept_though_it_refused_one_cut_short():
    """What was refused is not the answer."""
    cut, whole = FakeModel(finish="length"), FakeModel()

    def accept(response):
        return response.choices[0].finish_reason != "length"

    @metered(ledger=MemoryLedger())
    @cached
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=accept))
    async def ask(messages, *, model="gpt-4o"):
        return await (cut if model == "gpt-4o-mini" else whole)(messages, model=model)

    for _ in range(2):
        await ask([{"role": "user", "content": "Hello there."}])
    assert (len(cut.calls), len(whole.calls)) == (1, 1)


@pytest.mark.parametrize("kind", ["a file", "junk", "unwritable"])
async def test_a_hostile_directory_never_reaches_the_caller(tmp_path, kind):
    """Neither of the exact nor of the semantic cache: a fault of a cache is a miss."""
    place = tmp_path / "cache"
    if kind == "a file":
        place.write_text("not a directory")
    else:
        place.mkdir(mode=0o500 if kind == "unwritable" else 0o700)
    if kind == "junk":
        (place / "cache.db").write_bytes(b"\x80\x04junk" * 1000)

    @cached(layers=[disk(place)])
    @semantic_cached(embed=one_direction, directory=place)
    async def ask(prompt):
        return prompt.upper()

    for _ in range(3):
        assert await ask("Hello there.") == "HELLO THERE."
    await explain_call(ask, "Hello there.")


# --------------------------------------------------------------------------- half an answer


@pytest.mark.parametrize("metering", [True, False])
@pytest.mark.parametrize("end", [{"finish": "length"}, {"fail": {0: 500, 1: 500}}])
async def test_what_is_made_of_half_an_answer_is_not_kept(end, metering):
    """A function that returns the text of a decorated call's answer is judged by that call's end."""
    model = FakeModel(**end)
    inner = metered(ledger=MemoryLedger())(model)

    @cached
    async def ask(question):
        try:
            answer = await inner([{"role": "user", "content": question}], model="gpt-4o")
            return answer.choices[0].message.content
        except FakeProviderError:
            return "Sorry, I could not be reached."

    outer = metered(ledger=MemoryLedger())(ask) if metering else ask
    for _ in range(2):
        await outer("Hello there.")
    assert len(model.calls) == 2
    whole = metered(ledger=MemoryLedger())(FakeModel())

    @cached
    async def again(question):
        with contextlib.suppress(FakeProviderError):
            await inner([{"role": "user", "content": question}], model="gpt-4o")
        return (await whole([{"role": "user", "content": question}])).choices[0].message.content

    for _ in range(2):
        await again("Hello there.")
    assert len(model.calls) == 3, "an attempt that was made again is not the answer"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Rate limit exceeded", "code": 429}},
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    ],
)
async def test_an_error_sent_as_an_answer_is_not_kept(body):
    """Some providers say that they failed in a body with status 200."""
    asked = []

    @cached
    @semantic_cached(embed=one_direction)
    async def ask(prompt):
        asked.append(prompt)
        return dict(body)

    assert [await ask("Hello there.") for _ in range(2)] == [body, body]
    assert len(asked) == 2


# --------------------------------------------------------------------------- routers


async def test_the_reason_of_a_users_router_does_not_hide_what_became_of_it():
    """That nothing is known of a model, or that the default was taken in its place, is said after its own reason."""
    ledger = MemoryLedger()

    def asking(model, **options):
        @metered(ledger=ledger)
        @routed(lambda request: (model, "my choice"), constraints={"requires_vision": True}, **options)
        async def ask(messages, *, model=None):
            return await FakeModel()(messages, model=model)

        return ask

    hello = [{"role": "user", "content": "Hello there."}]
    await asking("nobody-knows-it")(hello)
    await asking(Model("blind", vision=False), default="blind")(hello)
    unknown, default = (record.route_reason for record in ledger.records)
    assert "my choice" in unknown
    assert "vision" in unknown
    assert "default" in default


@pytest.mark.parametrize("junk", [None, "", 3, ("a",), ("a", "b", "c"), ("", "why"), b"a", {"model": "a"}])
async def test_a_router_that_returns_junk_is_told_so(junk):
    """Before anything is sent."""

    @routed(lambda request: junk)
    async def ask(messages, *, model="gpt-4o"):
        raise AssertionError("nothing was to be sent")

    with pytest.raises(TypeError, match="router"):
        await ask([])


async def test_a_model_that_is_passed_as_none_is_left_to_the_router():
    """By position as by name."""

    @routed(lambda request: "chosen")
    async def ask(prompt, model=None):
        return model

    assert [await ask("?", None), await ask("?", model=None), await ask("?")] == ["chosen"] * 3
    assert [await ask("?", "mine"), await ask("?", model="mine")] == ["mine"] * 2


async def test_explaining_a_call_that_has_no_model_says_what_excluded_each():
    """The dry run shows what the call would raise, and goes on to the rings within."""

    @routed(by_complexity(simple=[Model("blind", vision=False)]), constraints={"requires_vision": True})
    async def ask(messages, *, model=None):
        return model

    explained = await explain_call(ask, [{"role": "user", "content": "Hello there."}])
    assert [candidate.model for candidate in explained.candidates] == ["blind"]
    assert "vision" in explained.reason
    with pytest.raises(NoEligibleModelError):
        await ask([{"role": "user", "content": "Hello there."}])


# --------------------------------------------------------------------------- beside budgets


async def test_what_is_said_in_the_place_of_an_answer_is_not_kept(tmp_path):
    """An apology for an empty budget would be served when there is money again."""
    with Ledger(tmp_path / "ledger") as ledger:

        @cached
        @semantic_cached(embed=one_direction)
        @budgeted(Budget(usd="0.0000001"), on_exceeded=lambda error, call: "Sorry.", ledger=ledger)
        async def ask(prompt, *, model="gpt-4o", max_tokens=10):
            raise AssertionError("there is no money for it")

        assert await ask("Hello there.") == "Sorry."
        explained = str(await explain_call(ask, "Hello there."))
    assert "would go on inwards" in explained
    assert "nothing near" in explained


@pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")
@pytest.mark.parametrize("outside", [True, False])
async def test_checks_behind_the_caller_are_made_under_every_budget_and_let_go_of_what_they_held(tmp_path, outside):
    """Whether a budget stands outside or inside; where one holds and the next refuses, the first lets go."""
    provider = FakeModel(answer="yes")
    big, small = Budget(usd="1", name="big"), Budget(usd="0.0006", name="small")
    with Ledger(tmp_path / "ledger") as ledger:
        matched = semantic_cached(max_error_rate=0.5, embed=one_direction)
        first, second = budgeted(big, ledger=ledger), budgeted(small, ledger=ledger)
        rings = (first, matched) if outside else (matched, first, second)

        @stack(*rings)
        async def ask(prompt, *, model="gpt-4o", max_tokens=10):
            return await provider(prompt=prompt, model=model)

        for _ in range(400):
            with contextlib.suppress(BudgetExceededError):  # where the cache was unsure, and asked
                await ask("Hello there.")
            await turns(2)
        for _ in range(10):
            await asyncio.sleep(0.01)
        await ledger.flush()
        assert ledger.totals().outcomes["shadow"] >= 1
        assert ledger.budget_status(big).usd.held == usd(0)
        assert ledger.totals().cost.known == provider.charged
        assert outside or provider.charged <= usd("0.0006")
        assert ledger.audit().ok
