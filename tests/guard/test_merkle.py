"""The Merkle tree against published vectors and against the RFC's own recursive definitions, written out by brute force."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.guard.merkle import (
    EMPTY_ROOT,
    TILE,
    Peaks,
    Tree,
    leaf_hash,
    node_hash,
    tree_head,
    verify_consistency,
    verify_inclusion,
)

INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS = [
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
PROOFS = [
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
"""Test vectors of certificate-transparency's tree (cpp/merkletree/merkle_tree_test.cc, now transparency-dev/merkle): roots over the first
n inputs, audit paths (index from 0, size), consistency proofs (old size, new size)."""


def grown(leaves: list[bytes]) -> Tree:
    tree = Tree(lambda start, stop: leaves[start:stop])
    tree.extend(leaves)
    return tree


def some_leaves(count: int, seed: int = 1) -> list[bytes]:
    chance = random.Random(seed)
    return [leaf_hash(chance.randbytes(8)) for _ in range(count)]


PUBLISHED = [leaf_hash(bytes.fromhex(text)) for text in INPUTS]


@pytest.mark.parametrize("size", range(1, 9))
def test_heads_are_the_published_ones(size: int) -> None:
    assert tree_head(PUBLISHED[:size]).hex() == ROOTS[size - 1]
    assert grown(PUBLISHED).root(size).hex() == ROOTS[size - 1]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert tree_head([]) == Peaks().root() == grown([]).root() == grown(PUBLISHED).root(0) == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_audit_paths_are_the_published_ones(index: int, size: int, path: list[str]) -> None:
    found = grown(PUBLISHED).inclusion(index, size)
    assert [step.hex() for step in found] == path
    assert verify_inclusion(PUBLISHED[index], index, size, found, bytes.fromhex(ROOTS[size - 1]))


@pytest.mark.parametrize(("old", "new", "proof"), PROOFS)
def test_consistency_proofs_are_the_published_ones(old: int, new: int, proof: list[str]) -> None:
    found = grown(PUBLISHED).consistency(old, new)
    assert [step.hex() for step in found] == proof
    assert verify_consistency(old, new, found, bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1]))


# --- RFC 6962 §2.1, word for word


def mth(leaves: list[bytes]) -> bytes:
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node_hash(mth(leaves[:k]), mth(leaves[k:]))


def path_of(m: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    return [*path_of(m, leaves[:k]), mth(leaves[k:])] if m < k else [*path_of(m - k, leaves[k:]), mth(leaves[:k])]


def proof_of(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return [*proof_of(m, leaves[:k], whole), mth(leaves[k:])]
    return [*proof_of(m - k, leaves[k:], False), mth(leaves[:k])]


def split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def test_every_proof_of_every_small_tree_is_that_of_the_definition() -> None:
    leaves = some_leaves(33)
    tree = grown(leaves)
    for size in range(1, 34):
        assert tree.root(size) == mth(leaves[:size])
        for index in range(size):
            assert tree.inclusion(index, size) == path_of(index, leaves[:size])
            assert tree.consistency(index + 1, size) == proof_of(index + 1, leaves[:size], True)


MANY = some_leaves(9 * TILE + 77)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_proofs_that_reach_over_many_tiles_are_those_of_the_definition(data: st.DataObject) -> None:
    edges = [TILE - 1, TILE, TILE + 1, 2 * TILE, 8 * TILE, 8 * TILE + 1, len(MANY)]
    size = data.draw(st.one_of(st.sampled_from(edges), st.integers(1, len(MANY))))
    index = data.draw(st.integers(0, size - 1))
    tree = grown(MANY)
    assert tree.root(size) == mth(MANY[:size])
    assert tree.inclusion(index, size) == path_of(index, MANY[:size])
    assert tree.consistency(index + 1, size) == proof_of(index + 1, MANY[:size], True)


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 600), pick=st.integers(0, 1 << 30), wrong=st.integers(0, 4))
def test_a_proof_of_anything_else_is_refused(size: int, pick: int, wrong: int) -> None:
    tree, index = grown(MANY), pick % size
    path, root, leaf = tree.inclusion(index, size), tree.root(size), MANY[index]
    assert verify_inclusion(leaf, index, size, path, root)
    forged = [
        verify_inclusion(leaf_hash(b"another"), index, size, path, root),
        verify_inclusion(leaf, (index + 1) % size, size, path, root) and size > 1,
        verify_inclusion(leaf, index, size, path, leaf_hash(b"another root")),
        verify_inclusion(leaf, index, size, [*path, leaf], root),
        verify_inclusion(leaf, index, size, path[:-1], root) and bool(path),
    ]
    assert not forged[wrong]


@settings(max_examples=100, deadline=None)
@given(new=st.integers(2, 600), pick=st.integers(0, 1 << 30), wrong=st.integers(0, 4))
def test_a_proof_of_another_past_is_refused(new: int, pick: int, wrong: int) -> None:
    tree, old = grown(MANY), 1 + pick % (new - 1)
    proof, before, after = tree.consistency(old, new), tree.root(old), tree.root(new)
    assert verify_consistency(old, new, proof, before, after)
    forged = [
        verify_consistency(old, new, proof, leaf_hash(b"another past"), after),
        verify_consistency(old, new, proof, before, leaf_hash(b"another present")),
        verify_consistency(old, new, proof[:-1], before, after),
        verify_consistency(old, new, [*proof, before], before, after),
        verify_consistency(new, old, proof, after, before),
    ]
    assert not forged[wrong]


def test_the_tree_keeps_few_hashes_and_asks_for_one_tile_a_proof() -> None:
    asked: list[tuple[int, int]] = []

    def read(start: int, stop: int) -> list[bytes]:
        asked.append((start, stop))
        return MANY[start:stop]

    tree = Tree(read)
    tree.extend(MANY)
    assert sum(map(len, tree._levels)) + len(tree._open) < len(MANY) / TILE * 2 + TILE
    tree.inclusion(3 * TILE + 5, len(MANY))
    assert asked == [(3 * TILE, 4 * TILE)]


@pytest.mark.parametrize("call", [lambda t: t.root(9), lambda t: t.inclusion(8, 8), lambda t: t.consistency(0, 8)])
def test_what_the_tree_does_not_have_it_refuses(call: object) -> None:
    with pytest.raises(IndexError):
        call(grown(PUBLISHED))  # type: ignore[operator]
