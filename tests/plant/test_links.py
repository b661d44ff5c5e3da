"""Documents and cameras as the plant folder writes them: read, checked, exported and read again, told in a difference."""

from __future__ import annotations

from pathlib import Path

import pytest
from works import PLANT, texts, write

from anlan.model.links import CAMERA, WEB, Camera, Cameras, checked_address
from anlan.model.words import Label
from anlan.plant.difference import differences
from anlan.plant.folder import load
from anlan.plant.writing import plant_yaml

MORE = """
documents:
  - {id: SOP-12, name: {zh: 储罐切换规程, en: Change of tanks}, place: V-101, link: "https://archive.works.example/SOP-12.pdf"}
  - {id: DS-7, name: {zh: 液位计数据表, en: Data sheet}, kept: 档案室 3 柜}
cameras:
  - {id: CAM-1, name: 罐区东, place: U100, link: "https://video.works.example/1"}
  - {id: CAM-2, name: 液位计, points: [LT-101], link: "rtsp://10.1.2.3:554/stream"}
"""


def test_read_with_full_places_and_written_as_they_were(tmp_path: Path) -> None:
    plant = load(write(tmp_path / "a", plant=PLANT + MORE))
    assert [(one.id, one.place, one.kept) for one in plant.documents] == [
        ("SOP-12", "works/U100/V-101", ""),
        ("DS-7", "", "档案室 3 柜"),
    ]
    assert [(one.id, one.place, one.points) for one in plant.cameras] == [("CAM-1", "works/U100", ()), ("CAM-2", "", ("LT-101",))]
    assert load(write(tmp_path / "b", plant=plant_yaml(plant))).digest == plant.digest


def test_a_difference_names_them(tmp_path: Path) -> None:
    before = load(write(tmp_path / "a", plant=PLANT + MORE))
    after = load(write(tmp_path / "b", plant=PLANT + MORE.replace("/stream", "/other").replace("SOP-12", "SOP-13")))
    told = [change.text("en") for change in differences(before, after)]
    assert "camera CAM-2: link rtsp://10.1.2.3:554/stream → rtsp://10.1.2.3:554/other" in told
    assert {"document SOP-12 removed", "document SOP-13 added"} <= set(told)


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("place: V-101", "place: V-109", "place V-109 is not in plant.yaml"),
        (
            "points: [LT-101]",
            "points: [LT-110]",
            "camera CAM-2 looks at LT-110, which is no point of this plant — did you mean LT-101?",
        ),
        ("place: U100, link", "link", "camera CAM-1: place or points (what it looks at) was expected"),
        (", kept: 档案室 3 柜", "", "document DS-7: link (https://…) or kept (where the paper lies) was expected"),
        ("rtsp://10.1.2.3:554/stream", "rtsp://admin:secret@10.1.2.3/stream", "carries a name or password"),
        (
            "rtsp://10.1.2.3:554/stream",
            "javascript:alert(1)",
            "an address with a host that begins with one of https, http, rtsp was expected",
        ),
        ("https://archive.works.example/SOP-12.pdf", "file:///etc/passwd", "one of https, http was expected"),
        ("https://archive.works.example/SOP-12.pdf", "https://a b/", "an address without spaces"),
        ("{id: DS-7", "{id: SOP-12", "the document SOP-12 stands here a second time"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, was: str, now: str, says: str) -> None:
    found = "\n".join(texts(write(tmp_path, plant=PLANT + MORE.replace(was, now))))
    assert says in found


def test_a_password_in_an_address_is_not_repeated(tmp_path: Path) -> None:
    found = "\n".join(texts(write(tmp_path, plant=PLANT + MORE.replace("rtsp://10.1.2.3", "rtsp://admin:hunter2@10.1.2.3"))))
    assert "hunter2" not in found


@pytest.mark.parametrize(
    "address",
    ["", "https://", "https:///x", "//host/x", "host/x", "ftp://host/x", "data:text/html,x", "https://[bad/", "https://h/\n", "https://h/\x00", "https://h/" + "a" * 500, "JAVASCRIPT://host/%0aalert(1)", "https://u@h/", "rtsp://h/"],
)  # fmt: skip
def test_what_is_no_web_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"expected|password"):
        checked_address(address, WEB)


@pytest.mark.parametrize(
    "address", ["https://h/a?b=c#d", "http://10.0.0.1:8080/", "rtsp://[fe80::1]/live", "https://摄像.example/1"]
)
def test_what_a_camera_may_have(address: str) -> None:
    assert checked_address(address, CAMERA) == address


def test_which_camera_looks_at_a_point() -> None:
    def camera(name: str, place: str = "", *points: str) -> Camera:
        return Camera(id=name, name=Label(en=name), place=place, points=points, link="https://c/")

    cameras = Cameras([camera("named", "", "P"), camera("unit", "w/U"), camera("tank", "w/U/T"), camera("other", "w/X", "Q")])
    seen = {(point, place): [one.id for one in cameras.of(point, place)] for point, place in [("P", "w/U/T"), ("R", "w/U/T"), ("R", "w/U/S"), ("R", "w/X"), ("Q", "w/X"), ("R", "")]}  # fmt: skip
    assert list(seen.values()) == [["named"], ["tank"], ["unit"], [], ["other"], []]
