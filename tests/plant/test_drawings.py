"""The plant's own drawings: by content, without anything that could run or reach outside, kept with the folder and its versions."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import InputError
from anlan.node.configuration import ROOMS
from anlan.plant.drawings.picture import JPEG, MOST_BYTES, PNG, read_picture
from anlan.plant.drawings.shelf import picture_of, pictures_of
from anlan.plant.folder import check, load
from anlan.plant.versions import import_folder, version
from anlan.plant.writing import export_folder
from anlan.store.records import Records

HOSTILE = """<?xml version="1.0"?>
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">
<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" xmlns:i="http://www.inkscape.org/n" width="400mm" height="200mm"
     viewBox="0 0 400 200" onload="alert(1)" i:version="1">
  <script>alert(2)</script><script x:href="https://evil.example/x.js"/>
  <style>.wall { fill: #333 }</style><style>@import "https://evil.example/x.css";</style><style>.a{background:url(https://evil.example)}</style>
  <foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="javascript:alert(3)"/></foreignObject>
  <a x:href="javascript:alert(4)"><rect class="wall" x="1" y="2" width="30" height="40" onclick="alert(5)" fill="url(#g)"/></a>
  <image x:href="https://evil.example/track.png"/><image x:href="data:image/svg+xml;base64,PHN2Zz4="/><image href="data:image/png;base64,iVBORw0K"/>
  <use x:href="other.svg#a"/><use href="#a"/><animate attributeName="href" to="javascript:alert(6)"/><set attributeName="onload" to="alert(7)"/>
  <rect style="fill:u\\72l(https://evil.example)"/><rect fill="url( 'https://evil.example/x' )"/><text>Tank &lt;1&gt; 储罐 &amp;</text>
  <g xmlns="urn:other"><script>alert(8)</script></g>
</svg>"""
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="50mm" height="25mm"><path d="M0 0L9 9"/></svg>'


def png(width: int = 4, height: int = 2, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress(b"".join(b"\0" + bytes(3 * width) for _ in range(height)))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return PNG + head + chunk(b"tEXt", b"Comment\0<script>") + chunk(b"IDAT", rows) + chunk(b"IEND", b"") + extra


def jpeg(width: int = 4, height: int = 2) -> bytes:
    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body

    frame = segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
    return (
        JPEG[:2]
        + segment(0xE0, b"JFIF\0")
        + segment(0xE1, b"Exif\0\0GPS 31.86")
        + frame
        + segment(0xDA, b"\1\1\0\0\x3f\0")
        + b"ab\xff\0c\xff\xd9<?php"
    )


def test_nothing_that_runs_or_reaches_outside_is_left_of_a_hostile_svg() -> None:
    picture = read_picture(HOSTILE.encode())
    text = picture.content.decode()
    assert (picture.media, picture.width, picture.height) == ("image/svg+xml", 400, 200)
    for banned in ("script", "alert", "evil", "foreignObject", "iframe", "onload", "onclick", "javascript", "import", "other.svg", "svg+xml", "animate", "DOCTYPE", "inkscape", "u\\72l"):  # fmt: skip
        assert banned not in text.replace("http://www.w3.org", ""), banned
    for kept in (
        'class="wall"',
        ".wall { fill: #333 }",
        'fill="url(#g)"',
        "data:image/png;base64",
        'xlink:href="#a"',
        "Tank &lt;1&gt; 储罐 &amp;",
    ):
        assert kept in text, kept
    assert picture.removed["script"] == 2
    assert {"foreignObject", "onload", "onclick", "href", "animate", "set", "style", "a"} <= picture.removed.keys()
    assert read_picture(picture.content).content == picture.content, "cleaned twice is the same"


def test_a_drawing_without_a_view_box_gets_one_by_its_size() -> None:
    picture = read_picture(SVG.encode())
    assert picture.width == pytest.approx(50 * 96 / 25.4)
    assert b'viewBox="0 0 188.976' in picture.content
    assert read_picture(picture.content).content == picture.content


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (
            b'<!DOCTYPE svg [<!ENTITY a "b">]><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">&a;</svg>',
            "entities of its own",
        ),
        (
            b'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg"/>',
            "entities of its own",
        ),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "how large it is"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">', "not well-formed"),
        (b'<html xmlns="http://www.w3.org/1999/xhtml"/>', "no SVG drawing"),
        (
            b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">' + b"<g>" * 300 + b"</g>" * 300 + b"</svg>",
            "nested too deep",
        ),
        (b"%PDF-1.7", "SVG, PNG or JPEG was expected"),
        (b"MZ\x90\0", "SVG, PNG or JPEG was expected"),
        (png()[:-9], "damaged or cut off"),
        (png().replace(b"Comment", b"comment"), "damaged or cut off"),
        (png(20_000, 20_000), "pixels"),
        (jpeg()[:-9], "damaged or cut off"),
        (b"<" + bytes(MOST_BYTES), "bytes; at most"),
    ],
)
def test_what_is_no_drawing_is_refused_with_what_it_is(data: bytes, why: str) -> None:
    with pytest.raises(InputError, match=why):
        read_picture(data)


def drawing(*parts: str) -> bytes:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">{"".join(parts)}</svg>'.encode()


def test_a_drawing_that_multiplies_itself_hangs_no_console() -> None:
    """A thousand million laughs: each level draws ten of the one below."""

    def bomb(level: str, ten: str) -> bytes:
        levels = [level.format(n, ten.format(n - 1) * 10) for n in range(1, 10)]
        return drawing('<g id="l0"><path d="M0 0"/></g>', *levels, '<use href="#l9"/>')

    fills = bomb('<pattern id="l{}">{}</pattern>', '<rect fill="url(#l{})"/>')
    for hostile in (bomb('<g id="l{}">{}</g>', '<use href="#l{}"/>'), fills):
        with pytest.raises(InputError, match="more than 500000 elements"):
            read_picture(hostile)
    for itself in ('<g id="a"><use href="#a"/></g>', '<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'):
        with pytest.raises(InputError, match="draws itself"):
            read_picture(drawing(itself))
    nested = "".join(f'<g id="n{n}">' for n in range(150)) + f'<rect style="{"url(#none)" * 50_000}"/>' + "</g>" * 150
    with pytest.raises(InputError, match="more than 500000 elements"):
        read_picture(drawing(nested, *(f'<use href="#n{n}"/>' for n in range(150))))
    valves = drawing('<symbol id="v">' + "<path/>" * 20 + "</symbol>", '<use href="#v"/>' * 2000, '<rect fill="url(#v)"/>' * 20)
    assert read_picture(valves).content.count(b"<use") == 2000
    shades = drawing('<linearGradient id="s">' + "<stop/>" * 9 + "</linearGradient>", '<rect fill="url(#s)"/>' * 90_000)
    assert read_picture(shades).content.count(b"<rect") == 90_000


def test_pictures_lose_their_texts_their_place_and_what_hangs_behind() -> None:
    first, second = read_picture(png(extra=b"PK\3\4")), read_picture(jpeg())
    assert (first.media, first.width, first.height) == ("image/png", 4, 2)
    assert b"script" not in first.content
    assert first.content.endswith(b"IEND" + struct.pack(">I", zlib.crc32(b"IEND")))
    assert (second.media, second.width, second.height) == ("image/jpeg", 4, 2)
    assert b"GPS" not in second.content
    assert second.content.endswith(b"ab\xff\0c\xff\xd9")
    assert read_picture(first.content).content == first.content
    assert read_picture(second.content).content == second.content


PLANT = """\
plant: {id: works, name: 示例企业}
places: [{id: U100, name: 罐区}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1}]
drawings:
  - {id: site, file: site.svg, name: 总图, points: {LT-1: [0.25, 0.5]}, places: {U100: [0.1, 0.2, 0.3, 0.4]}}
"""
POINTS = "id,place,name_zh,kind,unit,source,address\nLT-1,U100,液位,level,%,plc,hr:0\n"


@pytest.fixture
def works(tmp_path: Path) -> Path:
    folder = tmp_path / "works"
    (folder / "drawings").mkdir(parents=True)
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    (folder / "drawings" / "site.svg").write_text(HOSTILE, "utf-8")
    return folder


def test_a_drawing_goes_in_with_the_folder_and_out_again(works: Path, tmp_path: Path) -> None:
    plant = load(works)
    assert plant.drawings[0].places == {"works/U100": (0.1, 0.2, 0.3, 0.4)}
    records = Records.open(tmp_path / "records.db")
    try:
        records.migrate(ROOMS)
        made = import_folder(records, works, author="li", reason="first", clock=SystemClock())
        assert picture_of(records, plant.drawings[0].sha256) == ("image/svg+xml", read_picture(HOSTILE.encode()).content)
        export_folder(made.plant, tmp_path / "out", made.version, pictures=pictures_of(records, made.plant.drawings))
        assert load(tmp_path / "out") == version(records)[1]
        (tmp_path / "out" / "drawings" / "site.svg").write_text(SVG, "utf-8")
        again = import_folder(records, tmp_path / "out", author="li", reason="another picture", clock=SystemClock())
        assert {(c.what, c.key) for c in again.changes} >= {("drawing", "sha256")}
    finally:
        records.close()


def test_mistakes_of_a_drawing_are_told_at_its_line(works: Path) -> None:
    text = (works / "plant.yaml").read_text("utf-8")
    text += "  - {id: b, file: none.png}\n  - {id: c, file: site.svg, points: {LT-9: [0, 0]}}\n  - {id: d, file: ../x.svg}\n  - {id: e, file: site.svg, points: {LT-1: [2, 0]}}\n"
    (works / "plant.yaml").write_text(text, "utf-8")
    found = {(f.name, f.error.line) for f in check(works).findings if f.fatal}
    assert found == {("missing-drawing", 6), ("unknown-point", 7), ("same-place", 7), ("value", 8), ("value", 9)}
