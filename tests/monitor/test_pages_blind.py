"""The page of the blind spots before its script fills it: every cause has its own sign, and a plant without a plan has its list."""

from __future__ import annotations

import pytest

from anlan.model.languages import LANGUAGES
from anlan.model.places import Area, Place
from anlan.model.words import Label
from anlan.monitor.blindness import Unseen
from anlan.monitor.pages_blind import CAUSES, COUNTS, body
from anlan.web.context import PlantView


def plant(*areas: Area) -> PlantView:
    return PlantView(
        version=1, id="works", name=Label(zh="厂"), places={"works": Place(id="works", name=Label(zh="厂"))}, areas=areas
    )


def test_each_cause_has_a_sign_of_its_own_in_both_languages() -> None:
    assert set(CAUSES) == set(Unseen)
    for language in LANGUAGES:
        assert len({sign.text(language) for _, sign, _ in CAUSES.values()}) == len(Unseen)


def test_each_cause_is_counted_once_but_what_only_follows_from_others() -> None:
    counted = [cause for _, _, causes in COUNTS for cause in causes]
    assert sorted(counted) == sorted(set(Unseen) - {Unseen.DERIVED})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plant_without_a_plan_has_the_list_with_its_signs(language: str) -> None:
    page = body(plant(), language)  # type: ignore[arg-type]
    assert 'class="plan"' not in page
    assert page.count('class="legend"') == 1
    assert 'class="rows"' in page


def test_a_plan_stands_beside_the_list() -> None:
    page = body(plant(Area(id="A1", name=Label(zh="一区"), polygon=[(0, 0), (1, 0), (1, 1)])), "zh")
    assert 'class="plan"' in page
    assert 'data-area="A1"' in page
    assert page.count('class="legend"') == 1
    assert 'id="hatch-area"' in page
