"""Learn: what a stack of decorators would have saved on the requests that you had, before you deploy it."""

from typing import Any

from frugal import backtest, budgeted, by_complexity, cached, deduplicated, memory, routed, stack

QUESTIONS = [
    "How do I reset my password?",
    "Translate to French: good morning",
    "Compare these two contracts clause by clause, and analyse which of them carries more risk for a tenant.",
]

log: list[dict[str, Any]] = [
    {
        "time": f"2026-03-02T{9 + n // 30:02}:{n % 30 * 2:02}:00Z",
        "model": "gpt-4o",
        "prompt": QUESTIONS[n % 3] if n % 4 else f"{QUESTIONS[n % 3]} (case {n})",
        "user": f"user-{n % 7}",
        "input_tokens": 400,
        "output_tokens": 150,
    }
    for n in range(240)
]

caching = stack(deduplicated, cached(layers=[memory(ttl=3600)]))
routing = routed(by_complexity(simple=["gpt-4o-mini"], complex=["gpt-4o"]), override=True)
stacks = {
    "a cache": caching,
    "a cache and routing": stack(caching, routing),
    "a cache under $0.10 a day": stack(caching, budgeted(daily_usd="0.10")),
}

for name, tried in stacks.items():
    found = backtest(log, tried)
    print(f"{name}: {found.cost.amount} instead of {found.baseline.amount}; {found.refused} requests refused")
    for ring, saved in found.by_ring.items():
        print(f"    {ring:<10} saved {saved}")
