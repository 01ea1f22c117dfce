"""Presets: how each known export writes down a request.

Law: a preset turns rows into the fields of `Logged` or says why a row is left out; it computes nothing else.
"""

from frugal.insight.backtesting.presets.table import PRESETS, Preset, preset_of

__all__ = ["PRESETS", "Preset", "preset_of"]
