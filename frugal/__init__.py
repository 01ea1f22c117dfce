"""Composable decorators that make any async LLM-calling function economical."""
