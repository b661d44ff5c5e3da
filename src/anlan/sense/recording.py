"""What a simulator was asked, by service name: the proof over the wire that a driver only reads."""

from __future__ import annotations

from collections import Counter, deque


class Recording:
    """Counts of every request a simulator received, and the latest of them in order (bounded: a demo runs for weeks)."""

    def __init__(self, kept: int = 10_000) -> None:
        self.counts: Counter[str] = Counter()
        self.latest: deque[tuple[str, str]] = deque(maxlen=kept)

    def note(self, service: str, detail: str = "") -> None:
        self.counts[service] += 1
        self.latest.append((service, detail))

    def services(self) -> set[str]:
        return set(self.counts)

    def clear(self) -> None:
        self.counts.clear()
        self.latest.clear()
