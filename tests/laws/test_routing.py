"""Laws of routing: what is returned meets every constraint, and one constraint more lets nothing in."""

import asyncio
import inspect
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from frugal._values.money import Money
from frugal._values.routing import Cell, Constraints, Model, Outcome, Request
from frugal.errors import NoEligibleModelError
from frugal.routers.adaptive import MemoryState, adaptive, merged, recorded
from frugal.routers.adaptive.state import SUMS, cells
from frugal.routers.cascade import cascade
from frugal.routers.complexity import SOURCE_RULES, by_complexity
from frugal.routers.constraints import prune
from frugal.routers.demand import window_needed
from frugal.routers.learned import learned

NAMES = ("a", "b", "c", "d")


@dataclass(frozen=True)
class State:
    """How a budget stands."""

    suggest: str | None
    warning: bool
    remaining: Money | None


maybe = st.sampled_from([True, False, None])
windows = st.sampled_from([None, 1_000, 8_000, 200_000])
facts = st.fixed_dictionaries({"context_window": windows, "tools": maybe, "vision": maybe})
fleets = st.fixed_dictionaries(dict.fromkeys(NAMES, facts)).map(
    lambda fleet: [Model(name, **known) for name, known in fleet.items()]
)
limits = st.builds(
    Constraints,
    max_cost_per_request=st.sampled_from([None, *(Money(n) for n in (0, 5_000, 50_000))]),
    requires_tools=st.booleans(),
    requires_vision=st.booleans(),
    min_context_length=st.sampled_from([None, 4_000, 100_000]),
)
states = st.builds(
    State,
    suggest=st.sampled_from([None, *NAMES, "other"]),
    warning=st.booleans(),
    remaining=st.sampled_from([None, *(Money(n) for n in (0, 20_000, 10**9))]),
)
RATES = {"a": 1, "b": 5, "c": 20}
requests = st.builds(
    Request,
    text=st.sampled_from(["hello", "translate this", "prove the theorem", "分析並比較", "x" * 9_000]),
    turns=st.integers(1, 6),
    tools=st.sampled_from([(), ({"name": "t"},)]),
    images=st.sampled_from([(), (b"",)]),
    input_tokens=st.sampled_from([None, 10, 3_000, 150_000]),
    budgets=st.lists(states, max_size=2),
    previous_model=st.sampled_from([None, *NAMES]),
    cached_tokens=st.sampled_from([0, 2_000]),
    constraints=limits,
    price_of=st.just(lambda m, usage: Money(RATES[m] * usage.total_tokens) if m in RATES else None),
)


def axes(texts):
    """Embed a text by a few of its letters."""
    return [[1.0, float("p" in t), float("t" in t)] for t in texts]


KNOWN = learned(NAMES, quality=0.8, embed=axes).fit(
    [
        {
            "query": f"{'prove' if n % 2 else 'tell'} {n}",
            "model": m,
            "success": n % (at + 2) > 0,
            "cost": 0.001 * (at + 1),
        }
        for n in range(60)
        for at, m in enumerate(NAMES)
    ]
)
STATE = MemoryState()
STATE.update(
    lambda state: recorded(
        state,
        [Outcome(cell=Cell("any", "c"), success=True)] * 40 + [Outcome(cell=Cell("any", "a"), success=False)] * 40,
    )
)


def routers(fleet):
    """Build one router of each kind over the same models."""
    return [
        by_complexity(simple=fleet[:1], medium=fleet[1:2], complex=fleet[2:]),
        cascade(fleet, accept=lambda response: True),
        adaptive(fleet, seed=1, explore=0.5).bound(STATE),
        replace(KNOWN, models=tuple(fleet)),
    ]


def decide(route, request):
    """Ask a router, sync or async; `None` when nothing is eligible."""
    try:
        decision = route(request)
        return asyncio.run(decision) if inspect.isawaitable(decision) else decision
    except NoEligibleModelError:
        return None


def meets(model, request):
    """Say by the plainest reading whether a model may serve."""
    limits = request.constraints
    cost = Money(0)
    if model.name in RATES:
        tokens = 1_000 if request.input_tokens is None else request.input_tokens
        cost = Money(RATES[model.name] * (tokens + 500))
    left = [b.remaining for b in request.budgets if b.remaining is not None]
    return not (
        (model.tools is False and (request.tools or limits.requires_tools))
        or (model.vision is False and (request.images or limits.requires_vision))
        or (model.context_window is not None and model.context_window < (limits.min_context_length or 0))
        or (model.context_window is not None and model.context_window < window_needed(request))
        or (limits.max_cost_per_request is not None and cost > limits.max_cost_per_request)
        or any(cost > money for money in left)
    )


@settings(max_examples=150, deadline=None)
@given(fleet=fleets, request=requests)
def test_a_returned_model_satisfies_every_constraint(fleet, request):
    """Whichever router chose it, learned or explored; all of a cascade's plan; a suggestion too."""
    known = {model.name: model for model in fleet} | {"other": Model("other")}
    for route in routers(fleet):
        decision = decide(route, request)
        if decision is None:
            assert not any(meets(model, request) for model in fleet)
            continue
        for name in (decision.model, *decision.then):
            assert meets(known[name], request), decision
            assert name not in decision.excluded


@settings(max_examples=150, deadline=None)
@given(fleet=fleets, request=requests, more=limits)
def test_one_constraint_more_never_lets_a_model_in(fleet, request, more):
    """What is eligible under both is eligible under each."""
    least = [x for x in (request.constraints.max_cost_per_request, more.max_cost_per_request) if x is not None]
    both = Constraints(
        max_cost_per_request=min(least, default=None),
        requires_tools=request.constraints.requires_tools or more.requires_tools,
        requires_vision=request.constraints.requires_vision or more.requires_vision,
        min_context_length=max(
            (x for x in (request.constraints.min_context_length, more.min_context_length) if x), default=None
        ),
    )
    fewer, stricter = prune(fleet, request), prune(fleet, replace(request, constraints=both))
    assert set(stricter.eligible) <= set(fewer.eligible)
    stricter_request = replace(request, constraints=both)
    for route in routers(fleet):
        decision = decide(route, stricter_request)
        assert decision is None or decision.model in fewer.eligible


@settings(max_examples=100, deadline=None)
@given(fleet=fleets, request=requests)
def test_the_same_state_and_seed_give_the_same_decision(fleet, request):
    """Asked twice, and of a router built anew."""
    for one, other in zip(routers(fleet), routers(fleet), strict=True):
        first = decide(one, request)
        second, third = decide(one, request), decide(other, request)
        if first is None:
            assert second is third is None
        else:
            assert (first.model, first.reason, first.candidates) == (second.model, second.reason, second.candidates)
            assert (first.model, first.reason, first.candidates) == (third.model, third.reason, third.candidates)


outcomes = st.lists(
    st.builds(
        Outcome,
        cell=st.builds(Cell, task=st.sampled_from(["t", "u"]), model=st.sampled_from(["a", "b"])),
        success=maybe,
        satisfaction=st.none() | st.floats(0, 1),
        latency=st.none() | st.floats(0, 1e6),
        cost=st.none() | st.integers(0, 10**15).map(Money),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(one=outcomes, other=outcomes, third=outcomes)
def test_states_merge_in_any_order_and_grouping(one, other, third):
    """Sums add, so processes may meet in any order."""
    a, b, c = (recorded(None, each) for each in (one, other, third))
    for task in ("t", "u"):
        left, right = cells(merged(merged(a, b), c), task), cells(merged(c, merged(b, a)), task)
        assert left.keys() == right.keys()
        for model, sums in left.items():
            for name in SUMS:
                assert abs(sums[name] - right[model][name]) <= 1e-9 * max(1.0, sums[name])


@settings(max_examples=100, deadline=None)
@given(seen=outcomes)
def test_sums_stay_sound_whatever_happens(seen):
    """No success without a judgement, nothing negative, memory bounded."""
    state = recorded(None, seen, memory=20)
    for task in ("t", "u"):
        for sums in cells(state, task).values():
            assert 0 <= sums["successes"] <= sums["success_count"] + 1e-9
            assert 0 <= sums["satisfaction"] <= sums["satisfaction_count"] + 1e-9
            assert sums["judged"] <= 20 + 1e-9


SIMPLE = ["翻譯", "摘要", "格式化", "簡單問答", "列出"]
COMPLEX = ["分析", "比較", "設計", "規劃", "優化", "評估", "多步驟", "程式碼審查", "架構"]


@settings(max_examples=100, deadline=None)
@given(
    easy=st.sets(st.sampled_from(SIMPLE)),
    hard=st.sets(st.sampled_from(COMPLEX)),
    turns=st.integers(1, 8),
    tools=st.booleans(),
    tokens=st.sampled_from([1, 4_000, 4_001]),
)
def test_the_source_score_is_exact(easy, hard, turns, tools, tokens):
    """Any mixture of its patterns, in the default tables too."""
    text = "，".join(["這個", *sorted(easy | hard)])
    request = Request(text=text, turns=turns, tools=[1] if tools else [], input_tokens=tokens)
    score = len(hard) + (turns > 3) + tools + (tokens > 4_000)
    expected = "complex" if score >= 2 else "simple" if len(easy) >= 2 or len(easy) > score else "medium"
    judged = SOURCE_RULES(request)
    assert (judged.level, judged.simple, judged.complex) == (expected, len(easy), score)
    assert by_complexity(simple=["simple"], medium=["medium"], complex=["complex"])(request).model == expected
