"""Region codes and credit codes: published ones hold, every single mistyped character is found."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anlan.model.credit_code import ALPHABET, check_character, credit_code, organisation_check
from anlan.model.errors import InputError
from anlan.model.kinds import kinds, read_kind
from anlan.model.places import Level
from anlan.model.regions import region, was_region
from anlan.model.units import units

# Codes that these companies print in their published reports.
PUBLISHED = [
    "914403001922038216",  # Huawei
    "9144030071526726XG",  # Tencent
    "91110000710926094P",  # Sinopec Corp.
    "91110000710925462X",  # PetroChina
    "91110000100010433L",  # CNPC
    "91110000802100433B",  # Baidu
    "91370000163044841F",  # Wanhua Chemical
    "91330100799655058B",  # Alibaba (China)
]


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_codes_hold(text: str) -> None:
    assert credit_code(f" {text.lower()} ").text == text


@given(text=st.sampled_from(PUBLISHED), place=st.integers(0, 17), character=st.sampled_from(ALPHABET))
def test_any_one_wrong_character_is_found(text: str, place: int, character: str) -> None:
    wrong = text[:place] + character + text[place + 1 :]
    assume(wrong != text)
    with pytest.raises(InputError):
        credit_code(wrong)


@given(first=st.text(ALPHABET, min_size=17, max_size=17))
def test_the_check_makes_the_weighted_sum_a_multiple_of_31(first: str) -> None:
    whole = first + check_character(first)
    assert sum(ALPHABET.index(c) * 3**i for i, c in enumerate(whole[:17])) % 31 + ALPHABET.index(whole[17]) in (0, 31)


def test_organisation_code_of_the_standard() -> None:
    assert organisation_check("D2143569") == "X"  # the example that GB 11714-1997 prints


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("914403001922038217", "credit code 914403001922038217: the last character should be 6, not 7"),
        ("91440300192203821", "credit code 91440300192203821 has 17 characters; 18 were expected"),
        ("91440300192203821I", "credit code 91440300192203821I: the character I does not occur in such codes"),
        ("91A403001922038216", "credit code 91A403001922038216: characters 3–8 should be the six digits of a region, not A40300"),
    ],
)
def test_a_wrong_code_says_which_part(text: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        credit_code(text)
    assert str(refusal.value) == message


def test_the_organisation_code_inside_is_checked_even_when_the_whole_holds() -> None:
    first = "91440300" + "192203822"
    with pytest.raises(InputError, match="character 17, the check of the organisation code, should be 1, not 2"):
        credit_code(first + check_character(first))


def test_the_region_inside_is_checked_even_when_the_whole_holds() -> None:
    first = "91990000" + "192203821"
    with pytest.raises(InputError, match="990000 in characters 3–8 is no region"):
        credit_code(first + check_character(first))


def test_a_county_knows_its_city_and_province() -> None:
    county = region("320582")
    assert (county.level, county.full_name) == (Level.COUNTY, "江苏省苏州市张家港市")
    assert [r.code for r in county.ancestors] == ["320000", "320500"]
    assert [r.level for r in county.ancestors] == [Level.PROVINCE, Level.CITY]


@pytest.mark.parametrize(
    ("code", "name"),
    [("110105", "北京市朝阳区"), ("429004", "湖北省仙桃市"), ("100000", "中华人民共和国"), ("810000", "香港特别行政区")],
)
def test_special_cases_have_plain_names(code: str, name: str) -> None:
    assert region(code).full_name == name


def test_the_thirty_four_provinces() -> None:
    provinces = [f"{n:02}0000" for n in range(11, 83) if was_region(f"{n:02}0000")]
    assert len(provinces) == 34


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("371200", "region 371200 (山东省莱芜市) was withdrawn; the last list that has it is of 2019-04"),
        ("990101", "region 990101: no province has the code 99"),
        ("32058", "region 32058: six digits of GB/T 2260 were expected, for example 320582"),
        ("３２０５８２", "region ３２０５８２: six digits of GB/T 2260 were expected, for example 320582"),
    ],
)
def test_a_wrong_region_says_why(code: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        region(code)
    assert str(refusal.value) == message


def test_an_unknown_region_is_answered_with_a_near_one() -> None:
    with pytest.raises(InputError, match=r"region 320599 is not in GB/T 2260; did you mean 3205\d\d"):
        region("320599")


def test_every_kind_has_a_default_unit_that_fits_it() -> None:
    wrong = [k.id for k in kinds().values() if not k.fits(k.default_unit)]
    assert wrong == []
    dimensions = {u.dimension for u in units().values()} | {"*"}
    assert {d for k in kinds().values() for d in k.dimensions} <= dimensions


def test_kinds_are_read_by_id_and_by_both_names() -> None:
    assert read_kind("有毒气体") == read_kind("Toxic gas") == read_kind("gas.toxic")
    with pytest.raises(InputError, match=r"kind gas.toxi is not known; did you mean gas.toxic\?"):
        read_kind("gas.toxi")
