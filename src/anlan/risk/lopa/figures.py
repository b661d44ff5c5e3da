"""Figures as people write them."""

from __future__ import annotations


def short(value: float) -> str:
    """Four figures: 0.001234, 1.2e-05."""
    return f"{value:.4g}"
