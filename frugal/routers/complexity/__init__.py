"""Routing by complexity: tables of indicators, rules that score them, and the router over tiers."""

from frugal.routers.complexity.indicator import Indicator
from frugal.routers.complexity.router import ByComplexity, by_complexity
from frugal.routers.complexity.rules import SOURCE_RULES, Complexity, Rules
from frugal.routers.complexity.shapes import SHAPES, Shape
from frugal.routers.complexity.tables import INDICATORS, SOURCE

__all__ = [
    "INDICATORS",
    "SHAPES",
    "SOURCE",
    "SOURCE_RULES",
    "ByComplexity",
    "Complexity",
    "Indicator",
    "Rules",
    "Shape",
    "by_complexity",
]
