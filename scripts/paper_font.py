"""The font of printed documents: a subset of Noto Sans CJK SC (SIL Open Font License 1.1), and the list of the characters it draws.

Run as `python scripts/paper_font.py` where Debian's fonts-noto-cjk is installed. The subset has all of GBK (20,902 Chinese characters of it), so that
names of people and places are drawn too, with Latin, Greek, arrows, units and the forms that console and documents use.
"""

from __future__ import annotations

from importlib.resources import files
from itertools import pairwise
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

COLLECTION = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
LICENCE = Path("/usr/share/doc/fonts-noto-cjk/copyright")
FAMILY = "Noto Sans CJK SC"
TARGET = Path(str(files("anlan.web.paper"))) / "data"
BESIDE_GBK = (
    (0x20, 0x250),  # Latin
    (0x370, 0x400),  # Greek
    (0x2000, 0x20C0),  # punctuation, raised and lowered figures
    (0x2100, 0x2400),  # letter-like signs (℃), arrows, mathematical operators
    (0x2460, 0x2600),  # figures in circles, shapes
    (0x3000, 0x3040),
    (0xFF00, 0xFFF0),  # full width
)


def wanted() -> set[int]:
    gbk = {code for code in range(0x20, 0x10000) if not 0xD800 <= code < 0xE000 and _in_gbk(chr(code))}
    return gbk | {code for first, end in BESIDE_GBK for code in range(first, end)}


def _in_gbk(character: str) -> bool:
    try:
        character.encode("gbk")
    except UnicodeEncodeError:
        return False
    return True


def ranges(codes: list[int]) -> list[str]:
    """ "4E00-9FA5": runs of codes without a hole."""
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(codes), 1) if b != a + 1), len(codes)]
    return [f"{codes[a]:X}-{codes[b - 1]:X}" for a, b in pairwise(cuts)]


def main() -> None:
    font = next(one for one in TTCollection(str(COLLECTION)).fonts if one["name"].getDebugName(1) == FAMILY)
    options = subset.Options()
    options.layout_features, options.hinting, options.notdef_outline = ["kern"], False, True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    cut = subset.Subsetter(options)
    cut.populate(unicodes=wanted())
    cut.subset(font)
    font.save(str(TARGET / "NotoSansCJKsc-Regular-subset.otf"))
    (TARGET / "characters.txt").write_text("\n".join(ranges(sorted(font.getBestCmap()))) + "\n", "ascii")


if __name__ == "__main__":
    main()
