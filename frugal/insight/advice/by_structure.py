"""What the records' keys, digests and times show: repeats, flights, prefixes, batches, loops."""

from __future__ import annotations

from frugal._values.money import Money
from frugal.insight.advice.piece import ENOUGH, Finding
from frugal.insight.advice.repeats import Repeats
from frugal.insight.advice.traffic import share
from frugal.insight.advice.view import View
from frugal.insight.wording import money, percent, plural, seconds, short

__all__ = [
    "batching", "deduplication", "exact_cache", "fewer_steps", "prompt_caching", "semantic_cache", "shorten_prompt",
    "tool_results",
]  # fmt: skip

_NO_KEYS = "Not enough evidence: {known} of {calls} records a digest of its request, which tells repeats."
_NO_PREFIX = "Not enough evidence: no record says which part of its prompt stays equal."
_TENTH = 10


def _unkeyed(repeats: Repeats) -> Finding | None:
    if repeats.known >= ENOUGH:
        return None
    said = _NO_KEYS.format(known="none" if not repeats.known else repeats.known, calls=plural(repeats.calls, "call"))
    return Finding(None, said, repeats.known)


def _bounds(repeats: Repeats) -> str:
    """Say what makes a figure a lower bound."""
    unknown = repeats.calls - repeats.known
    said = f" {plural(unknown, 'call')} could not be compared." if unknown else ""
    if repeats.unpriced:
        said += f" {plural(repeats.unpriced, 'repeat')} had no price and adds nothing."
    if repeats.forgotten:
        said += f" At least: only the last {repeats.most:,} different requests were remembered."
    return said


def exact_cache(view: View) -> Finding:
    """Return what an exact cache would have answered."""
    seen = view.exact
    few = _unkeyed(seen)
    if few is not None:
        return few
    said = (
        f"{percent(seen.repeats / seen.known)} of {plural(seen.known, 'call')} ({seen.repeats:,}) repeat a request "
        f"that was answered within the hour before, for {money(Money(seen.pico))} in all."
        if seen.repeats
        else f"None of {plural(seen.known, 'call')} repeats a request that was answered within the hour before."
    )
    return Finding(Money(seen.pico), said + _bounds(seen), seen.known)


def semantic_cache(view: View) -> Finding:
    """Return what a semantic cache would have answered beyond an exact one, or what it did for its price."""
    hits, shadows = view.traffic.outcomes["semantic"], view.traffic.outcomes["shadow"]
    if hits or shadows:
        saved, spent = view.traffic.semantic_saved, view.traffic.shadow_cost
        said = (
            f"It answered {plural(hits, 'call')} and saved {money(saved)}; "
            f"{plural(shadows, 'check')} of its answers cost {money(spent)}."
        )
        if saved < spent and hits + shadows >= ENOUGH:
            return Finding(saved - spent, f"{said} As it is set, it costs more than it saves.", hits + shadows)
    else:
        said = "No call was answered by one so far."
    seen = view.near
    if seen.known < ENOUGH:
        return Finding(
            None, f"{said} Not enough evidence for more: which requests are alike in meaning, no record says.", hits
        )
    more = (
        f"{plural(seen.repeats, 'call')} of {seen.known:,} asked in other words what the same user had been answered "
        "within the hour."
    )
    return Finding(Money(seen.pico), f"{said} {more}{_bounds(seen)}", seen.known)


def prompt_caching(view: View) -> Finding:
    """Return what the provider's prompt cache would save beyond what it does."""
    seen = view.prefixes
    net = seen.discount - seen.surcharge
    so_far = (
        f"So far, {plural(seen.cached_calls, 'call')} read or wrote a prompt cache: reading saved "
        f"{money(Money(seen.discount))}, writing cost {money(Money(seen.surcharge))} more."
        if seen.cached_calls
        else "No call read a prompt cache so far."
    )
    if seen.known < ENOUGH:
        if seen.cached_calls >= ENOUGH and net < 0:
            return Finding(Money(net), f"{so_far} As it is used, it costs more than it saves.", seen.cached_calls)
        return Finding(None, f"{so_far} {_NO_PREFIX}", seen.cached_calls)
    good = {name: group for name, group in seen.groups.items() if group.pico > 0}
    bad = {name: group for name, group in seen.groups.items() if group.pico < 0}
    said = so_far
    if good:
        names = ", ".join(short(name) for name in sorted(good, key=lambda name: -good[name].pico)[:3])
        warm = sum(group.warm for group in good.values())
        said += f" {plural(warm, 'call')} more would find the prefix of five minutes before ({names})."
    if bad:
        names = ", ".join(short(name) for name in sorted(bad, key=lambda name: bad[name].pico)[:3])
        lost = money(Money(sum(group.pico for group in bad.values())))
        said += f" It does not pay for {names}, whose prefixes are not sent again in time: {lost}."
    chosen = good or bad
    return Finding(Money(sum(group.pico for group in chosen.values())), said, seen.known)


def shorten_prompt(view: View) -> Finding:
    """Return what a tenth less of every equal prefix would save."""
    seen = view.prefixes
    if seen.known < ENOUGH:
        return Finding(None, _NO_PREFIX, seen.known)
    part = share(Money(seen.sent), view.traffic.cost.known)
    said = (
        f"System prompts and tools of {plural(seen.known, 'call')} cost {money(Money(seen.sent))}, "
        f"{percent(part)} of all; the saving is that of every tenth word less."
    )
    return Finding(Money(seen.sent // _TENTH), said, seen.known)


def tool_results(view: View) -> Finding:
    """Return what repeated tool calls cost."""
    seen = view.tools
    if not seen.calls:
        return Finding(None, "Not enough evidence: no tool was recorded.", 0)
    few = _unkeyed(seen)
    if few is not None:
        return few
    said = (
        f"{percent(seen.repeats / seen.known)} of {plural(seen.known, 'tool call')} repeat one of the hour before; "
        f"they cost {money(Money(seen.pico))} and {seconds(seen.latency)} of waiting."
    )
    if seen.repeats and not seen.pico:
        said += " It saves time rather than dollars."
    return Finding(Money(seen.pico), said + _bounds(seen), seen.known)


def deduplication(view: View) -> Finding:
    """Return what identical calls in flight together cost."""
    seen = view.rides
    few = _unkeyed(view.exact)
    if few is not None:
        return few
    shared = view.traffic.outcomes["shared"]
    said = (
        f"{plural(seen.rides, 'call')} of {seen.known:,} asked what another was just asking, for "
        f"{money(Money(seen.pico))}"
        if seen.rides
        else f"None of {plural(seen.known, 'call')} asked what another was just asking"
    ) + f"; {shared:,} shared a flight already."
    if seen.unpriced:
        said += f" {seen.unpriced:,} of them had no price and add nothing."
    if seen.forgotten:
        said += f" At least: only the last {seen.most:,} different requests were remembered."
    return Finding(Money(seen.pico), said, seen.known)


def batching(view: View) -> Finding:
    """Return what batches would have spared: fees and prefixes, never tokens."""
    seen = view.batches
    if seen.calls < ENOUGH:
        return Finding(
            None,
            f"Not enough evidence: {plural(seen.calls, 'call')} of a kind that goes in batches (embeddings, or a known "
            f"prefix) went out singly; {seen.already:,} went in batches.",
            seen.calls,
        )
    if not seen.joined:
        said = f"None of {plural(seen.calls, 'call')} ({seen.embeddings:,} embeddings) came within 0.1 s of another."
        return Finding(Money(0), said, seen.calls)
    said = (
        f"{seen.joined:,} of {plural(seen.calls, 'call')} ({seen.embeddings:,} embeddings) came within 0.1 s of "
        f"another and could have gone with it: {plural(seen.calls - seen.joined, 'request')} in all."
    )
    if not seen.pico:
        said += " Tokens cost the same in a batch: it saves time and request limits, not dollars."
    return Finding(Money(seen.pico), said, seen.calls)


def fewer_steps(view: View) -> Finding:
    """Return what steps cost that their own run had taken before."""
    seen, traffic = view.loops, view.traffic
    part = traffic.reasoning / traffic.output if traffic.output else 0.0
    thought = f" {percent(part)} of all output tokens are reasoning." if traffic.reasoning else ""
    if seen.known < ENOUGH:
        known = f"{plural(seen.known, 'call')} of {seen.calls:,} {'says' if seen.known == 1 else 'say'}"
        return Finding(None, f"Not enough evidence: {known} what was asked, and in which run.{thought}", seen.known)
    said = (
        f"{plural(seen.repeats, 'step')} of {seen.known:,} asked again what the same run had asked before, for "
        f"{money(Money(seen.pico))}.{thought}"
    )
    return Finding(Money(seen.pico), said + _bounds(seen), seen.known)
