"""Mechanisms: the hard things, each a small object that knows nothing of calls, decorators or LLMs.

Law: a mechanism imports ports, values and errors only, so that a state machine can drive it without a
network, a clock or a decorator; a middleware is the short glue on top. One mechanism does not know another,
but may stand on parts of its own here: `flight` on `work` and `broadcast`, that on `pump`, and all that wait
on `loops` (state and timers that belong to the running event loop), which knows none of them.
"""
