"""Rings: each a page of glue between a call and one mechanism."""
