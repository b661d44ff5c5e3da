"""Debian's Chromium: the shell without a window of its own where it is installed (`make test-deps`), which draws the same pages with less work."""

from __future__ import annotations

import shutil

CHROMIUM = shutil.which("chromium-headless-shell") or shutil.which("chromium")
