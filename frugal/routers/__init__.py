"""Routers: which model serves a request.

Law: a router is any callable `(request)` that gives a model, `(model, reason)` or a `Decision`; these are
ours, and none of them knows anything of the pipeline. What they need of prices and budgets comes with the
request.
"""
