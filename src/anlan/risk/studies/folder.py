"""The folder `studies/` of a plant folder: each study a file of its id, with the files it names beside it.

A study that was changed in the folder becomes the next version only while the folder rests on the current one (`.anlan-base` remembers
which); if it was changed both here and at the console, the import shows the difference and stops. What is not in the folder stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from sqlalchemy.orm import Session

from anlan.model.errors import InputError
from anlan.risk.studies.checking import Names, check
from anlan.risk.studies.drafts import IDENTIFIER, MOST_BYTES, Draft, Written, is_file_beside
from anlan.risk.studies.store import StaleStudy, Studies, Study
from anlan.risk.written import Mistake, Nodes, Place
from anlan.store.disk import Disk

FOLDER = "studies"
BASE_FILE = ".anlan-base"
SUFFIX = ".yaml"
SHOWN_LINES = 60


@dataclass(frozen=True, slots=True)
class Found:
    """The studies of a folder that can be read, by id, and every mistake with file and line."""

    studies: dict[str, tuple[Draft, Written]]
    mistakes: tuple[Mistake, ...]


def read_folder(plant: Path, names: Names | None = None) -> Found:
    """`names`: of the plant, for what the studies ask of it. A folder without studies has none."""
    studies: dict[str, tuple[Draft, Written]] = {}
    mistakes: list[Mistake] = []

    def library(study: str) -> Written | None:
        beside = plant / FOLDER / f"{study}{SUFFIX}"
        return _written(beside) if IDENTIFIER.fullmatch(study) and beside.is_file() else None

    for path in sorted((plant / FOLDER).glob(f"*{SUFFIX}")) if (plant / FOLDER).is_dir() else ():
        try:
            written = _written(path)
        except Mistake as mistake:
            mistakes.append(mistake)
            continue
        checked = check(written, names, library)
        mistakes += checked.mistakes
        if checked.draft is None:
            continue
        if checked.draft.id != path.stem:
            mistakes.append(
                Mistake("the file holds study {found}; it must be named {expected}", Place(written.file, 1), found=checked.draft.id, expected=checked.draft.id + SUFFIX)
            )  # fmt: skip
        elif checked.model is not None:
            studies[checked.draft.id] = (checked.draft, written)
    return Found(studies, tuple(mistakes))


def _written(path: Path) -> Written:
    name = f"{FOLDER}/{path.name}"
    text = _text(path, name)
    nodes = Nodes(name)
    root = nodes.root(text.encode())
    attached = {}
    if root is not None:
        for key, node in nodes.entries(root):
            if key == "file":
                file = nodes.text(node)
                if not is_file_beside(file):
                    raise Mistake("{found} is no name of a file beside the study", nodes.place(node), found=file)
                if not (path.parent / file).is_file():
                    raise Mistake("the file {name} is not beside the study", nodes.place(node), name=file)
                attached[file] = _text(path.parent / file, f"{FOLDER}/{file}")
    return Written(text, name, attached)


def _text(path: Path, name: str) -> str:
    if path.stat().st_size > MOST_BYTES:
        raise Mistake("a study holds at most {most} characters", Place(name), most=MOST_BYTES)
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as failure:
        raise Mistake("this is not text in UTF-8: {problem}", Place(name), problem=str(failure)) from failure


# ---- into records

Also = Callable[[Session, Study | None, Study], None]


def import_studies(
    studies: Studies, plant: Path, found: Iterable[tuple[Draft, Written]], *, author: str, reason: str, origin: str = "", note: bool = True, also: Also | None = None
) -> list[Study]:  # fmt: skip
    """The new versions that were made. `origin`: by what the folder is known again where it cannot be written; `note`: whether it may be;
    where it may not, as with the demo's, which comes with the program, what it newly says replaces whatever stands.
    Raises StaleStudy: then the studies before it are in, and the rest is as it was."""
    origin = origin or str(plant.resolve())
    base, made = _base_of(plant) if note else {}, []
    for draft, written in found:
        known = {one.number: one for one in _versions(studies, draft.id)}
        current = max(known.values(), key=lambda one: one.number, default=None)
        if current is not None and current.digest == written.digest:
            base[draft.id] = (current.number, current.digest)
            continue
        rests_on = base.get(draft.id) or next(
            ((n, one.digest) for n, one in sorted(known.items(), reverse=True) if one.origin == origin), None
        )
        if current is not None and rests_on is not None and rests_on[1] == written.digest:
            continue  # changed at the console since, not in the folder
        if current is not None and note and (rests_on is None or rests_on != (current.number, current.digest)):
            raise conflict(current, written, rests_on[0] if rests_on is not None else None)
        new = studies.put(
            draft,
            written,
            author=author,
            reason=reason,
            base=current.number if current is not None else None,
            origin=origin,
            also=also,
        )
        base[draft.id] = (new.number, new.digest)
        made.append(new)
    if note:
        _note_base(plant, base)
    return made


def conflict(current: Study, written: Written, base: int | None) -> StaleStudy:
    lines = unified_diff(
        current.written.text.splitlines(), written.text.splitlines(), f"version {current.number}", written.file, lineterm="", n=1
    )
    shown = list(lines)
    more = [f"… {len(shown) - SHOWN_LINES}"] * (len(shown) > SHOWN_LINES)
    return StaleStudy(
        "{file} rests on version {base}, but version {current} by {author} ({reason}) is current: export that (`anlan export`) and edit it.\n{difference}",
        file=written.file,
        base=base if base is not None else "—",
        current=current.number,
        author=current.author,
        reason=current.reason or "—",
        difference="\n".join([*shown[:SHOWN_LINES], *more]),
    )


def _versions(studies: Studies, study: str) -> list[Study]:
    from anlan.model.errors import NotFound

    try:
        return studies.versions(study)
    except NotFound:
        return []


# ---- out of records


def export_folder(current: Iterable[Study], plant: Path, *, replace: bool = False) -> list[Path]:
    """Write each study and its files. Raises InputError where that would overwrite others' and `replace` does not say so."""
    folder, files, base = plant / FOLDER, dict[Path, bytes](), dict[str, tuple[int, str]]()
    holds: dict[str, str] = {}
    for one in current:
        files[folder / f"{one.study}{SUFFIX}"] = one.written.text.encode()
        for name, text in one.written.attached.items():
            if not is_file_beside(name):
                raise InputError("{found} is no name of a file beside the study", found=f"{one.study}: {name}")
            if files.setdefault(folder / name, text.encode()) != text.encode():
                raise InputError(
                    "the studies {one} and {other} hold different files {file}: give one of them another name",
                    one=holds[name], other=one.study, file=name,
                )  # fmt: skip
            holds.setdefault(name, one.study)
        base[one.study] = (one.number, one.digest)
    if not files:
        return []
    there = [path for path, body in files.items() if path.exists() and path.read_bytes() != body]
    if there and not replace:
        raise InputError(
            "{folder} already holds {file}; say --replace to overwrite it",
            folder=str(folder),
            file=", ".join(p.name for p in there),
        )
    folder.mkdir(parents=True, exist_ok=True)
    Disk().write_all({**files, folder / BASE_FILE: _base_text({**_base_of(plant), **base}).encode()})
    return sorted(files)


def _base_of(plant: Path) -> dict[str, tuple[int, str]]:
    """Study → the version that the folder's file rests on, and its digest."""
    file, found = plant / FOLDER / BASE_FILE, {}
    for line in file.read_text("utf-8").splitlines() if file.is_file() else ():
        words = line.split()
        if len(words) != 3 or not words[1].isdigit():
            raise InputError("{file} was not written by Anlan; delete it", file=str(file))
        found[words[0]] = (int(words[1]), words[2])
    return found


def _base_text(base: dict[str, tuple[int, str]]) -> str:
    return "".join(f"{study} {number} {digest}\n" for study, (number, digest) in sorted(base.items()))


def _note_base(plant: Path, base: dict[str, tuple[int, str]]) -> None:
    if not base:
        return
    try:
        (plant / FOLDER / BASE_FILE).write_text(_base_text(base), "utf-8")
    except OSError:
        return  # a folder that cannot be written is recognised by its path instead
