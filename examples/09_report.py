"""Learn: what you spend, on whom and on what; what would have saved money; and all of it on one page."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from frugal import Ledger, advise, metered, scope
from frugal.insight import report
from frugal.testing import FakeModel

provider = FakeModel(answer="An answer of some length. " * 10)


@metered(tags={"feature": "help"})
async def ask(question: str, *, model: str = "gpt-4o") -> Any:
    return await provider(question, model=model)


async def main() -> None:
    for user in ("ada", "grace"):
        with scope(user=user):
            for n in range(60):
                await ask(
                    f"How do I reset my password? I have tried {n % 5} times, and it still says that it is wrong."
                )
    async with Ledger() as ledger:
        await ledger.flush()
        show(ledger)


def show(ledger: Ledger) -> None:
    for row in ledger.usage(by=("user", "model")):
        print(f"{row.group['user']:<6} {row.group['model']:<8} {row.calls:>4} calls  {row.cost.amount}")
    print("in all", ledger.totals().cost.amount, "and the books are right:", ledger.audit().ok)
    for tip in advise(ledger):
        if tip.saving:
            print(f"advice: {tip.title}: {tip.saving} ({tip.evidence})")
    page = report(ledger, Path(tempfile.mkdtemp()) / "costs.html", title="The first day")
    print(f"a page of {page.stat().st_size // 1000} kB, to be opened in a browser: {page}")


asyncio.run(main())
