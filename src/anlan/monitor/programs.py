"""The programs of a plant's calculated points as columns of its configuration, and as the arrays the kernel runs on.

A program that stands on itself, reaches outside its memory or its stack, or reads a point that does not exist never reaches the kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model import columns as columns_of
from anlan.model.errors import InputError
from anlan.monitor.layout import CODE, LEVELS, NEVER, PROGRAM, STACK, PointFlag, ProgramFlag, Structs
from anlan.monitor.program import TIMED, WITH_CONSTANT, Op, Program, cells_of

PROGRAMS = pa.schema(
    [
        ("target", pa.uint32()),  # number of the calculated point
        ("count", pa.uint32()),  # its instructions, in the order of the programs in the table of CODE_ROWS
        ("cells", pa.uint32()),
    ]
)
CODE_ROWS = pa.schema([("op", pa.uint8()), ("a", pa.uint32()), ("x", pa.float64())])

Ints = npt.NDArray[np.int64]

_POPS = np.zeros(256, np.int64)
_POPS[[Op.NEG, Op.ABS, Op.SQRT, Op.LN, Op.EXP, Op.NOT, Op.GOOD, Op.BAD, Op.UNCERTAIN, Op.REASON, *TIMED]] = 1
_POPS[[*range(Op.ADD, Op.POW + 1), *range(Op.LT, Op.OR + 1), Op.ABOVE, Op.BELOW]] = 2
_POPS[Op.IF] = 3
_CELLS = np.array([cells_of(Op(op)) if 1 <= op <= max(Op) else 0 for op in range(256)], np.int64)
_TAKES_CONSTANT = np.isin(np.arange(256), [*range(Op.ADD, Op.POW + 1), *range(Op.LT, Op.NE + 1)])
_TIMED = np.isin(np.arange(256), [int(op) for op in TIMED])


def tables_of(programs: Sequence[tuple[int, Program]]) -> tuple[pa.Table, pa.Table]:
    """The tables PROGRAMS and CODE_ROWS of programs by the numbers of their calculated points."""
    code = [step for _, program in programs for step in program.code]
    heads: dict[str, list[Any]] = {
        "target": [target for target, _ in programs],
        "count": [len(program.code) for _, program in programs],
        "cells": [program.cells for _, program in programs],
    }
    steps: dict[str, list[Any]] = {
        "op": [int(step.op) for step in code],
        "a": [step.a for step in code],
        "x": [step.x for step in code],
    }
    return _table(PROGRAMS, heads), _table(CODE_ROWS, steps)


def _table(schema: pa.Schema, columns: dict[str, list[Any]]) -> pa.Table:
    return pa.Table.from_arrays([columns_of.of(columns[field.name], field.type) for field in schema], schema=schema)


@dataclass(frozen=True, eq=False)
class ProgramArrays:
    """`feeds[feeds_first[p]:feeds_first[p + 1]]` are the rows of the programs that read point `p`."""

    programs: Structs
    code: Structs
    cells: npt.NDArray[np.float64]
    feeds_first: npt.NDArray[np.int32]
    feeds: npt.NDArray[np.int32]

    def cells_of(self, rows: Ints) -> Ints:
        """Where the memory of these programs stands, one after the other."""
        first = self.programs["cell"].astype(np.int64)
        return _runs(first[rows], np.diff(np.append(first, len(self.cells)))[rows])


def same(old: ProgramArrays, new: ProgramArrays) -> tuple[Ints, Ints]:
    """(rows of `old`, rows of `new`) of the programs that calculate the same point in the same way."""
    top = int(max(old.programs["target"].max(initial=0), new.programs["target"].max(initial=0))) + 1
    row_of = np.full(top, -1, np.int64)
    row_of[old.programs["target"]] = np.arange(len(old.programs))
    before = row_of[new.programs["target"]]
    rows = np.flatnonzero(before >= 0)
    before = before[rows]
    alike = old.programs["count"][before] == new.programs["count"][rows]
    before, rows = before[alike], rows[alike]
    count = new.programs["count"][rows].astype(np.int64)
    words = CODE.itemsize // 8
    here = old.code.view(np.int64).reshape(-1, words)[_runs(old.programs["first"][before].astype(np.int64), count)]
    there = new.code.view(np.int64).reshape(-1, words)[_runs(new.programs["first"][rows].astype(np.int64), count)]
    changed = np.zeros(len(rows), np.bool_)
    changed[np.repeat(np.arange(len(rows)), count)[(here != there).any(axis=1)]] = True
    return before[~changed], rows[~changed]


def _runs(first: Ints, count: Ints) -> Ints:
    """first[0], first[0] + 1, … count[0] of them, then those of the next."""
    ends = np.cumsum(count)
    runs: Ints = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - (ends - count), count)
    return runs


def arrays_of(head_table: pa.Table, code_table: pa.Table, points: Structs) -> ProgramArrays:
    """Also tells the points: which are calculated, how their silence counts, and which are read by programs. Raises InputError."""
    target, count, cells = (columns_of.to_numpy(head_table[name]).astype(np.int64) for name in PROGRAMS.names)
    code = np.zeros(code_table.num_rows, CODE)
    for name in CODE_ROWS.names:
        code[name] = columns_of.to_numpy(code_table[name])
    _check_sums(target, count, code, points)
    owner = np.repeat(np.arange(len(target)), count)
    _check_steps(target, owner, count, cells, code)
    inputs, readers = _inputs(target, owner, code, points)
    code, owner = _with_constants(code, owner)
    count = np.bincount(owner, minlength=len(target))
    row_of = np.full(len(points), -1, np.int64)
    row_of[target] = np.arange(len(target))
    levels = _levels(target, row_of[inputs], readers)
    points["flags"][target] |= np.uint16(PointFlag.CALCULATED)
    points["flags"][inputs] |= np.uint16(PointFlag.FEEDS)
    _tell_silence(points, target, inputs, readers, levels)
    programs = np.zeros(len(target), PROGRAM)
    programs["at"], programs["target"], programs["count"], programs["level"] = NEVER, target, count, levels
    programs["first"], programs["cell"] = np.cumsum(count) - count, np.cumsum(cells) - cells
    programs["max_age"] = points["deadline"][target]
    timed = np.zeros(len(target), np.bool_)
    timed[owner[_TIMED[code["op"]]]] = True
    programs["flags"] = np.where(timed & (points["flags"][target] & PointFlag.ON_CHANGE != 0), ProgramFlag.BY_ITSELF, 0)
    feeds_first = np.searchsorted(inputs, np.arange(len(points) + 1)).astype(np.int32)
    return ProgramArrays(programs, code, np.zeros(int(cells.sum()), np.float64), feeds_first, readers.astype(np.int32))


def _check_sums(target: Ints, count: Ints, code: Structs, points: Structs) -> None:
    present = np.zeros(len(target), np.bool_)
    within = target < len(points)
    present[within] = points["flags"][target[within]] & PointFlag.PRESENT != 0
    _refuse(target, ~present, "the calculated point {number} does not exist")
    found, times = np.unique(target, return_counts=True)
    _refuse(found, times > 1, "the calculated point {number} has two programs")
    if int(count.sum()) != len(code):
        raise InputError("the programs count {count} instructions; there are {found}", count=int(count.sum()), found=len(code))


def _check_steps(target: Ints, owner: Ints, count: Ints, cells: Ints, code: Structs) -> None:
    """Every instruction is known, stays within its memory and finds its operands on a stack that ends with one value."""
    op, a = code["op"].astype(np.int64), code["a"].astype(np.int64)
    number = target[owner]
    _refuse(number, (op < 1) | (op > max(Op)), "the program of point {number} has an instruction that does not exist")
    needs = _CELLS[op]
    _refuse(number, (needs > 0) & (a + needs > cells[owner]), "the program of point {number} reaches beyond its memory")
    vote = op == Op.VOTE
    pops = np.where(vote, a & 0xFF, _POPS[op])
    _refuse(number, vote & (pops < 1), "the program of point {number} has a vote without members")
    after = np.cumsum(1 - pops)
    ends = np.cumsum(count) - 1
    after -= np.repeat(np.concatenate([[0], after[ends[:-1]]]) if len(ends) else ends, count)
    _refuse(number, (after < 1) | (after > STACK - 1), "the program of point {number} does not fit its stack")
    _refuse(target, count < 1, "the program of point {number} is empty")
    _refuse(target, after[ends] != 1, "the program of point {number} does not end with one value")


def _with_constants(code: Structs, owner: Ints) -> tuple[Structs, Ints]:
    """A constant and the operation right behind it, whose second operand it is, as one step: a fifth of all steps is saved."""
    operation = np.flatnonzero((code["op"][:-1] == Op.CONST) & _TAKES_CONSTANT[code["op"][1:]]) + 1
    code = code.copy()
    code["x"][operation] = code["x"][operation - 1]
    code["op"][operation] += np.uint8(WITH_CONSTANT)
    kept = np.ones(len(code), np.bool_)
    kept[operation - 1] = False
    return code[kept], owner[kept]


def _inputs(target: Ints, owner: Ints, code: Structs, points: Structs) -> tuple[Ints, Ints]:
    """(point, row of the program that reads it), each pair once, by point."""
    reads = code["op"] == Op.POINT
    inputs = code["a"][reads].astype(np.int64)
    within = inputs < len(points)
    exists = within & (points["flags"][np.where(within, inputs, 0)] & PointFlag.PRESENT != 0)
    _refuse(target[owner[reads]], ~exists, "the program of point {number} reads a point that does not exist")
    pairs = np.unique(inputs * max(1, len(target)) + owner[reads])
    readers = pairs % max(1, len(target))
    alone = np.ones(len(target), np.bool_)
    alone[readers] = False
    _refuse(target, alone, "the program of point {number} reads no point")
    return pairs // max(1, len(target)), readers


def _levels(target: Ints, input_rows: Ints, readers: Ints) -> npt.NDArray[np.uint8]:
    """0 for what reads measured points only, one more than the highest it reads for others. Raises InputError for a loop."""
    levels = np.zeros(len(target), np.int64)
    nested = input_rows >= 0
    below, above = input_rows[nested], readers[nested]
    for _ in range(LEVELS):
        higher = levels.copy()
        np.maximum.at(higher, above, levels[below] + 1)
        if (higher == levels).all():
            return levels.astype(np.uint8)
        levels = higher
    raise InputError(
        "point {number} is calculated from itself, or over more than {levels} others that are calculated in turn",
        number=int(target[levels.argmax()]),
        levels=LEVELS - 1,
    )


def _tell_silence(points: Structs, target: Ints, inputs: Ints, readers: Ints, levels: npt.NDArray[np.uint8]) -> None:
    """Silence means unchanged where it does so for every input; else a result is known as long as its most demanding input."""
    for level in range(int(levels.max(initial=0)) + 1):
        here = levels[readers] == level
        by_change = np.ones(len(target), np.bool_)
        np.logical_and.at(by_change, readers[here], points["flags"][inputs[here]] & PointFlag.ON_CHANGE != 0)
        cyclic = here & (points["flags"][inputs] & PointFlag.ON_CHANGE == 0)
        shortest = np.full(len(target), np.iinfo(np.uint32).max, np.int64)
        np.minimum.at(shortest, readers[cyclic], points["deadline"][inputs[cyclic]].astype(np.int64))
        rows = np.flatnonzero(levels == level)
        points["deadline"][target[rows]] = np.where(by_change[rows], 0, shortest[rows])
        points["flags"][target[rows]] &= np.uint16(0xFFFF & ~PointFlag.ON_CHANGE)
        points["flags"][target[rows[by_change[rows]]]] |= np.uint16(PointFlag.ON_CHANGE)


def _refuse(number: Ints, wrong: npt.NDArray[np.bool_], message: str) -> None:
    if wrong.any():
        raise InputError(message, number=int(number[wrong][0]))
