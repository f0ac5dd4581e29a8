"""The tables of wordings: enough of each, fields that are filled, and every region named."""

from string import Formatter

import pytest

from training.experts import wordings

# What each family's question has to name; the rest is optional.
NEEDED = {
    "refer": {"r"}, "refer_regions": {"regions"}, "refer_check": {"r", "a"}, "refer_choice": {"r", "names"},
    "ground_several": {"names"}, "ground_text": {"text"}, "describe_region": {"r"}, "list_which": {"names"},
    "count_several": {"ns", "ns2"}, "relate": {"r", "r2"}, "relate_names": {"the", "the2"},
    "relate_check": {"the", "the2", "how"}, "read": {"r"}, "read_check": {"text"}, "segment_region": {"r"},
    "compare_kind": {"r", "r2"}, "compare_size": {"r", "r2"}, "compare_number": {"ns", "ns2"},
}  # fmt: skip
NAME = {"n", "ns", "a"}
OF_A_NAME = {"ground_one", "ground_all", "count", "exist", "segment", "segment_all"}
ALLOWED = {"place", "is", "does", "size", "room"}


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


@pytest.mark.parametrize("family", wordings.WORDINGS)
def test_every_wording_asks_for_what_its_family_asks_for(family: str) -> None:
    table = wordings.WORDINGS[family]
    assert len(table) == len(set(table)) >= 8
    for template in table:
        found = fields(template)
        needed = NEEDED.get(family, set())
        assert needed <= found, template
        assert found <= needed | ALLOWED | (NAME if family in OF_A_NAME or family == "refer_check" else set()), template
        assert bool(found & NAME) == (family in OF_A_NAME or "a" in needed or "ns" in needed), template
        assert template[-1] in ".?}", template


def test_every_form_of_steps_has_room_for_three() -> None:
    for asked, answered in wordings.STEPS:
        assert len(asked) == len(answered) == 3
        assert all(text.count("{}") == 1 for text in (*asked, *answered))


def test_hints_and_wishes_are_sentences() -> None:
    assert all(text.count("{}") == 1 and text.endswith(".") for text in wordings.HINTS)
    assert all(text.endswith(".") for text in (*wordings.COORDINATES_ASKED, *wordings.COORDINATES_REFUSED))
    assert not set(wordings.COORDINATES_ASKED) & set(wordings.COORDINATES_REFUSED)
