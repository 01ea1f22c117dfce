"""The navigation of the documentation, made from its folders: a page is in it by being there.

A hook of mkdocs (`mkdocs.yml`). Within a folder, pages stand in the order of ORDER, then by title, those that extend
frugal last. Where a page has the line `<!-- pages -->`, the pages of its folder are listed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

SECTIONS = (("Tutorial", "tutorial"), ("How-to", "how-to"), ("Reference", "reference"), ("Explanation", "explanation"))
ORDER = {
    "reference": ("frugal", "errors", "insight", "telemetry", "testing", "ports", "cli"),
    "explanation": ("order", "money", "budgets", "semantic-safety", "limits", "design", "performance", "proof"),
}
MARK = "<!-- pages -->"


def title(page: Path) -> str:
    """Return the heading of a page."""
    found = re.search(r"^# (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else page.stem


def pages(folder: Path) -> list[Path]:
    """Return the pages of a folder in their order, without its index."""
    order = ORDER.get(folder.name, ())

    def place(page: Path) -> tuple[int, bool, str]:
        known = order.index(page.stem) if page.stem in order else len(order)
        return known, page.stem.startswith("write-"), title(page)

    return sorted((page for page in folder.glob("*.md") if page.stem != "index"), key=place)


def on_config(config: Any) -> Any:
    """Give mkdocs its navigation."""
    docs = Path(config.docs_dir)
    nav: list[Any] = [{"frugal": "index.md"}]
    for name, folder in SECTIONS:
        found = [folder + "/index.md"] if (docs / folder / "index.md").exists() else []
        nav.append({name: [*found, *(f"{folder}/{page.name}" for page in pages(docs / folder))]})
    config.nav = nav
    return config


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """List a folder's pages where one asks for it."""
    if MARK not in markdown:
        return markdown
    folder = (Path(config.docs_dir) / page.file.src_uri).parent
    return markdown.replace(MARK, "\n".join(f"- [{title(found)}]({found.name})" for found in pages(folder)))
