"""What routing is worth on real outcomes: 1,319 maths questions, a weak model and a strong one.

Half of the questions to learn from, half to test on, twenty times over. Measured: accuracy against the share of calls
that go to the strong model, for `learned`, `by_complexity` and random mixing, with the share that recovers 50 % and
80 % of the gap between the two models; what `learned` keeps of the quality that it was asked to keep; and cascades
with acceptance checks that read the weak model's answer.

Left out: two cheap samples that agree, because the data has one answer of each model for each question. The
questions are all of one kind, which favours nobody: embeddings tell topics apart, and difficulty hardly. Tokens are
estimated as a quarter of the bytes, prices are the price table's of today.

What `learned` reads of a text's form, and how much that weighs, was settled by cross-validation within learning halves;
over twenty splits these hold every question, so the form may have seen a little of what it is tested on. The test
halves had no say in anything.
"""

from __future__ import annotations

import ast
import asyncio
import csv
import gzip
import operator
import platform
import random
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from frugal._mechanisms.cascade import Cascade
from frugal._values.routing import Request
from frugal._values.usage import Usage
from frugal.embedders.wordllama import WordLlamaEmbedder
from frugal.prices.pricetable import PriceTable
from frugal.routers.cascade import cascade
from frugal.routers.complexity import Rules
from frugal.routers.learned import learned

DATA = Path(__file__).parents[1] / "../shared/data/routing/gsm8k_two_models.csv.gz"
WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"
SPLITS = 20


@dataclass(frozen=True)
class Question:
    """Hold one question with what both models made of it."""

    text: str
    right: dict[str, bool]
    answer: dict[str, str]
    cost: dict[str, float]


def questions() -> list[Question]:
    """Read the questions, or say why not and end."""
    if not DATA.exists():
        print(f"skipped: {DATA.name} is not there (real data lies beside the repository, not in it)")
        sys.exit(0)
    table, now = PriceTable(), time.time()

    def cost(model: str, question: str, answer: str) -> float:
        usage = Usage(input_tokens=len(question.encode()) // 4, output_tokens=max(1, len(answer.encode()) // 4))
        return float(table.cost(model, usage, at=now).known)

    found = []
    with gzip.open(DATA, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            answers = {m: row[f"{m}_response"] for m in (WEAK, STRONG)}
            right = {m: row[m] == "True" for m in (WEAK, STRONG)}
            costs = {m: cost(m, row["prompt"], answers[m]) for m in (WEAK, STRONG)}
            found.append(Question(row["prompt"], right, answers, costs))
    assert len(found) == 1_319
    return found


# ----------------------------------------------------------------------- acceptance checks

_FINAL = re.compile(r"####\s*\$?-?[0-9][0-9,]*(?:\.[0-9]+)?\s*$")
_STEP = re.compile(r"<<([0-9+*/(). -]+)=(-?[0-9.]+)>>")
_DOES = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}


def parses(text: str) -> bool:
    """Return whether the answer ends in a number, as it was asked to."""
    return _FINAL.search(text.strip()) is not None


def _value(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _DOES:
        return float(_DOES[type(node.op)](_value(node.left), _value(node.right)))
    raise ValueError("no arithmetic")


def adds_up(text: str) -> bool:
    """Return whether it ends in a number and every calculation that it writes out is right."""
    if not parses(text):
        return False
    for left, right in _STEP.findall(text):
        try:
            if abs(_value(ast.parse(left.strip(), mode="eval").body) - float(right)) > 0.011 * max(
                1.0, abs(float(right))
            ):
                return False
        except (ValueError, SyntaxError, ZeroDivisionError):
            return False
    return True


# ----------------------------------------------------------------------- measures


def recovered(asked: Sequence[Question], score: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean share of the gap recovered over all shares of strong calls, and the shares for 50 and 80 %.

    Questions go to the strong model in the order of their score, the highest first.
    """
    order = sorted(range(len(asked)), key=lambda i: -score[i])
    gains = [asked[i].right[STRONG] - asked[i].right[WEAK] for i in order]
    so_far = np.cumsum(gains) / sum(gains)
    needed = [float(np.argmax(so_far >= part) + 1) / len(asked) for part in (0.5, 0.8)]
    return float(so_far.mean()), needed[0], needed[1]


def accuracy(asked: Sequence[Question], chosen: Sequence[str]) -> tuple[float, float, float]:
    """Return accuracy, the share of strong calls, and the mean cost in dollars."""
    return (
        statistics.mean(q.right[m] for q, m in zip(asked, chosen, strict=True)),
        statistics.mean(m == STRONG for m in chosen),
        statistics.mean(q.cost[m] for q, m in zip(asked, chosen, strict=True)),
    )


def cascaded(asked: Sequence[Question], accept: Callable[[str], bool]) -> tuple[float, float, float]:
    """Walk the cascade for each question: accuracy, the share of strong calls, the mean cost of all attempts."""
    route = cascade([WEAK, STRONG], accept=accept)
    right, strong, paid = 0, 0, 0.0
    for question in asked:
        plan = route(Request(text=question.text))
        steps = Cascade((plan.model, *plan.then))
        while True:
            paid += question.cost[steps.current]
            if not steps.judged or accept(question.answer[steps.current]):
                break
            steps.refused()
        right += question.right[steps.current]
        strong += steps.current == STRONG
    return right / len(asked), strong / len(asked), paid / len(asked)


async def one_split(asked: list[Question], seed: int, vectors: np.ndarray) -> dict[str, tuple[float, ...]]:
    """Learn on one half, test on the other."""
    order = random.Random(seed).sample(range(len(asked)), len(asked))
    learn, test = order[: len(asked) // 2], [asked[i] for i in order[len(asked) // 2 :]]
    rows = [
        {"query": asked[i].text, "model": m, "success": asked[i].right[m], "cost": asked[i].cost[m]}
        for i in learn
        for m in (WEAK, STRONG)
    ]
    kept = {q.text: vector for q, vector in zip(asked, vectors, strict=True)}

    async def embed(texts: list[str]) -> np.ndarray:
        return np.array([kept[text] for text in texts])

    found: dict[str, tuple[float, ...]] = {}
    for quality in (0.80, 0.85, 0.90, 0.95):
        route = await asyncio.to_thread(learned([WEAK, STRONG], quality=quality, embed=embed).fit, rows)
        decisions = [await route(Request(text=q.text)) for q in test]
        got = accuracy(test, [d.model for d in decisions])
        found[f"quality {quality}"] = (*got, route.expected.quality, route.expected.cost)
        if quality == 0.90:
            told = [await route.predicted(q.text) for q in test]
            gain = [one[STRONG] - one[WEAK] for one in told]
            found["curve learned"] = recovered(test, gain)
    rules = Rules()
    judged = [rules(Request(text=q.text)) for q in test]
    # Where the score ties, the length of the question decides nothing: ties are broken at random.
    noise = random.Random(seed)
    found["curve by_complexity"] = recovered(test, [j.complex - j.simple + noise.random() / 2 for j in judged])
    tiers = accuracy(test, [STRONG if j.level == "complex" else WEAK for j in judged])
    found["tiers"] = tiers
    curves = [recovered(test, [noise.random() for _ in test]) for _ in range(20)]
    found["curve random"] = tuple(statistics.mean(c[i] for c in curves) for i in range(3))
    found["cascade parses"] = cascaded(test, parses)
    found["cascade adds_up"] = cascaded(test, adds_up)
    found["weak"] = accuracy(test, [WEAK] * len(test))
    found["strong"] = accuracy(test, [STRONG] * len(test))
    return found


def show(asked: list[Question], splits: list[dict[str, tuple[float, ...]]]) -> None:
    """Print the tables."""

    def mean(name: str, at: int) -> float:
        return statistics.mean(split[name][at] for split in splits)

    def spread(name: str, at: int) -> float:
        return statistics.stdev(split[name][at] for split in splits)

    weak, strong = mean("weak", 0), mean("strong", 0)
    print(f"\n{len(asked)} questions, half to learn, half to test; mean ± deviation over {len(splits)} splits")
    table, now = PriceTable(), time.time()
    for name, model, right in (("weak", WEAK, weak), ("strong", STRONG, strong)):
        rates = [
            table.cost(model, usage, at=now).amount for usage in (Usage(input_tokens=10**6), Usage(output_tokens=10**6))
        ]
        print(
            f"always {name:<6} {right:.3f} right at ${mean(name, 2):.6f} a question: {model}, "
            f"{rates[0]} in and {rates[1]} out a million tokens"
        )
    print("\nshare of strong calls needed, by the order in which a router would send them")
    print(f"{'router':<16}{'gap recovered, mean':>20}{'for 50 %':>16}{'for 80 %':>16}")
    for name in ("random", "by_complexity", "learned"):
        cells = [f"{mean(f'curve {name}', i):.3f} ± {spread(f'curve {name}', i):.3f}" for i in range(3)]
        print(f"{name:<16}{cells[0]:>20}{cells[1]:>16}{cells[2]:>16}")
    print("\nwhole policies on the test half; 'random' is what mixing at random recovers with as many strong calls")
    print(
        f"{'policy':<26}{'right':>7}{'strong':>8}{'cost':>11}{'gap':>7}{'random':>8}{'of strong':>11}{'expected':>10}"
        f"{'splits below':>14}"
    )
    names = {f"quality {q}": f"learned, quality={q:.2f}" for q in (0.80, 0.85, 0.90, 0.95)}
    names |= {"tiers": "by_complexity, complex", "cascade parses": "cascade, ends in number"}
    names |= {"cascade adds_up": "cascade, arithmetic too"}
    for key, name in names.items():
        right, share = mean(key, 0), mean(key, 1)
        expected, below = "–", "–"
        if key.startswith("quality"):
            bar = float(key.removeprefix("quality "))
            expected = f"{mean(key, 3):.3f}"
            below = f"{sum(s[key][0] < bar * s['strong'][0] for s in splits)} of {len(splits)}"
        print(
            f"{name:<26}{right:>7.3f}{share:>8.1%}{mean(key, 2):>11.6f}{(right - weak) / (strong - weak):>7.0%}"
            f"{share:>8.0%}{right / strong:>11.1%}{expected:>10}"
            f"{below:>14}"
        )


def main() -> None:
    """Measure and print."""
    asked = questions()
    embedder = WordLlamaEmbedder()
    vectors = asyncio.run(embedder.embed([q.text for q in asked]))
    splits = [asyncio.run(one_split(asked, seed, vectors)) for seed in range(SPLITS)]
    print(f"{platform.platform()}, Python {platform.python_version()}, numpy {np.__version__}, {embedder.identity}")
    show(asked, splits)


if __name__ == "__main__":
    main()
