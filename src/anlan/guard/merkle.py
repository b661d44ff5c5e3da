"""The Merkle tree of RFC 6962 §2.1 (the same in RFC 9162 §2.1): heads, inclusion and consistency proofs, and the checks of them.

    peaks = Peaks()                            # a few hashes: enough to know the head while leaves are pushed
    peaks.push(leaf_hash(text)); peaks.root()

    tree = Tree(read_leaves)                   # 32 B in memory for each 128 leaves; the leaves themselves are read where they lie
    tree.push(leaf)
    verify_inclusion(leaf, index, size, tree.inclusion(index, size), tree.root(size))
    verify_consistency(old, new, tree.consistency(old, new), tree.root(old), tree.root(new))

Hashes are 32 bytes (SHA-256), indices count from 0 as in the RFC. No I/O but what `read` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

EMPTY_ROOT = hashlib.sha256().digest()
TILE = 256
"""Leaves of a complete subtree whose inner hashes are computed anew when a proof needs them."""
_TILE_LEVEL = TILE.bit_length() - 1

ReadLeaves = Callable[[int, int], Sequence[bytes]]
"""(start, stop) → leaf hashes start ≤ index < stop."""


def leaf_hash(text: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + text).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def tree_head(leaves: Sequence[bytes]) -> bytes:
    """Merkle tree hash over leaf hashes; the empty tree is SHA-256 of nothing."""
    peaks = Peaks()
    for leaf in leaves:
        peaks.push(leaf)
    return peaks.root()


class Peaks:
    """The roots of the complete subtrees that a growing tree consists of, largest first: about log2(size) hashes."""

    __slots__ = ("_peaks", "size")

    def __init__(self) -> None:
        self._peaks: list[bytes] = []
        self.size = 0

    def push(self, leaf: bytes) -> list[bytes]:
        """Returns the subtrees that this leaf completes, the smallest first; the first is the leaf itself."""
        peaks, size, completed = self._peaks, self.size, [leaf]
        while size & 1:
            leaf = hashlib.sha256(b"\x01" + peaks.pop() + leaf).digest()
            completed.append(leaf)
            size >>= 1
        peaks.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


class Tree:
    """A growing tree that can prove. Not thread-safe."""

    def __init__(self, read: ReadLeaves) -> None:
        self._read = read
        self._peaks = Peaks()
        self._levels: list[list[bytes]] = []
        """Complete subtrees of TILE, 2·TILE, 4·TILE … leaves."""
        self._open: list[bytes] = []
        """Leaves behind the last complete subtree of TILE."""
        self._tile: tuple[int, list[bytes]] = (-1, [])

    @property
    def size(self) -> int:
        return self._peaks.size

    def push(self, leaf: bytes) -> None:
        self._open.append(leaf)
        completed = self._peaks.push(leaf)
        for level, node in enumerate(completed[_TILE_LEVEL:]):
            if level == len(self._levels):
                self._levels.append([])
            self._levels[level].append(node)
            self._open.clear()

    def extend(self, leaves: Iterable[bytes]) -> None:
        for leaf in leaves:
            self.push(leaf)

    def root(self, size: int | None = None) -> bytes:
        """Head of the first `size` leaves, of all unless told."""
        if size is None or size == self.size:
            return self._peaks.root()
        self._check(0 <= size <= self.size)
        return self._hash(0, size) if size else EMPTY_ROOT

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The audit path PATH(index, D[size]) of RFC 6962 §2.1.1."""
        self._check(0 <= index < size <= self.size)
        path, start, stop = [], 0, size
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start = middle
        return path[::-1]

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof PROOF(old, D[new]) of RFC 6962 §2.1.2; empty for old = new."""
        self._check(0 < old <= new <= self.size)
        path, start, stop, whole = [], 0, new, True
        while old < stop:
            middle = start + _split(stop - start)
            if old <= middle:
                path.append(self._hash(middle, stop))
                stop = middle
            else:
                path.append(self._hash(start, middle))
                start, whole = middle, False
        return ([] if whole else [self._hash(start, stop)]) + path[::-1]

    def _hash(self, start: int, stop: int) -> bytes:
        """MTH(D[start:stop]); by the RFC's way of splitting each range is a complete subtree or begins a last, ragged one."""
        count = stop - start
        if count < TILE:
            return tree_head(self._leaves(start, stop))
        if count & (count - 1) == 0:
            return self._levels[count.bit_length() - 1 - _TILE_LEVEL][start // count]
        middle = start + _split(count)
        return node_hash(self._hash(start, middle), self._hash(middle, stop))

    def _leaves(self, start: int, stop: int) -> Sequence[bytes]:
        """Of one tile: no complete subtree of fewer leaves reaches over its border, and a ragged one begins at it."""
        tile = start // TILE
        first = tile * TILE
        if first == self.size - len(self._open):
            return self._open[start - first : stop - first]
        if self._tile[0] != tile:
            self._tile = (tile, list(self._read(first, first + TILE)))
        return self._tile[1][start - first : stop - first]

    def _check(self, fits: bool) -> None:
        if not fits:
            raise IndexError(f"the tree has {self.size} leaves")


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path shows that `leaf` is number `index` of the `size` leaves under `root`; RFC 9162 §2.1.3.2."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether the proof shows that the tree of `new` leaves grew out of the one of `old`; RFC 9162 §2.1.4.2."""
    if old == new:
        return not path and old_root == new_root
    if not 0 < old < new or not path:
        return False
    # An old tree that is complete is itself a node of the new one, and the proof then leaves it out.
    path = [old_root, *path] if old & (old - 1) == 0 else list(path)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_found = new_found = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old_found, new_found = node_hash(step, old_found), node_hash(step, new_found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_found = node_hash(new_found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old_found == old_root and new_found == new_root


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1
