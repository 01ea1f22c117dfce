"""Decorators: validate what the user says, and wire rings to adapters.

Law: this is the one place that knows both; everything a decorator can find wrong it finds when it is applied.
"""
