"""Laws of stacking: `stack()` is the identity, stacking is associative, and a stack equals nested decorators."""

import asyncio
import inspect

from hypothesis import given
from hypothesis import strategies as st

from frugal import explain, middleware, stack


def ring(name: str):
    """Return a decorator that leaves its name on what passes, on the way in and on the way out."""

    @middleware
    async def wrapped(call, proceed):
        trail = [*call.args[0], f"+{name}"]
        return [*(await proceed(call.replace(trail=trail))), f"-{name}"]

    return wrapped


RINGS = {name: ring(name) for name in "abcd"}
names = st.lists(st.sampled_from(sorted(RINGS)), max_size=5)


def fresh():
    """Return a function that shows the trail that reached it."""

    async def bare(trail):
        """Show the trail."""
        return trail

    return bare


def decorated(rings):
    """Apply rings as they would be written, the last one first."""
    function = fresh()
    for name in reversed(rings):
        function = RINGS[name](function)
    return function


def trail(function):
    """Return the trail of one call."""
    return asyncio.run(function([]))


def test_an_empty_stack_is_the_identity():
    """`stack()` returns the very function it is given."""
    function = fresh()
    assert stack()(function) is function


@given(rings=names)
def test_a_stack_equals_the_decorators_written_one_under_another(rings):
    """`stack(a, b, c)` runs the same rings in the same order as `@a @b @c`."""
    assert trail(stack(*(RINGS[name] for name in rings))(fresh())) == trail(decorated(rings))


@given(outer=names, inner=names)
def test_stacking_is_associative(outer, inner):
    """A stack of stacks is the flat stack."""
    flat = stack(*(RINGS[name] for name in (*outer, *inner)))
    nested = stack(stack(*(RINGS[name] for name in outer)), stack(*(RINGS[name] for name in inner)))
    assert nested == flat
    assert trail(nested(fresh())) == trail(flat(fresh()))


@given(rings=names.filter(bool))
def test_the_first_decorator_is_outermost(rings):
    """The trail goes in from the first to the last and out again."""
    expected = [f"+{name}" for name in rings] + [f"-{name}" for name in reversed(rings)]
    assert trail(decorated(rings)) == expected


@given(rings=names.filter(bool))
def test_decorating_leaves_the_function_untouched(rings):
    """The function underneath stays bare, and keeps its name, signature and docstring on top."""
    function = fresh()
    before = dict(vars(function))
    wrapped = stack(*(RINGS[name] for name in rings))(function)
    assert vars(function) == before
    assert trail(function) == []
    assert (wrapped.__name__, wrapped.__doc__) == (function.__name__, function.__doc__)
    assert inspect.signature(wrapped) == inspect.signature(function)
    assert inspect.iscoroutinefunction(wrapped)
    assert wrapped.__wrapped__ is function  # one wrapper, however many decorators
    assert len(explain(wrapped).rings) == len(rings)


@given(common=names.filter(bool), one=names, other=names)
def test_two_decorations_of_one_function_never_see_each_other(common, one, other):
    """Decorating a decorated function makes a new pipeline and leaves the old one as it was."""
    base = decorated(common)
    before = trail(base)
    stack(*(RINGS[name] for name in one))(base)
    stack(*(RINGS[name] for name in other))(base)
    assert trail(base) == before
