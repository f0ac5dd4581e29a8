"""What raw answers say: as the released scores read them, but for the faults listed here."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferret.errors import ToolError
from ferret.parsing import released_boxes
from training.protocols.answers import (
    MALFORMED_BOX,
    MENDED,
    NO_BOX,
    box_fault,
    judge_scores,
    leading_yes_or_no,
    mended,
    plain_phrase,
    same_phrase,
    says_either,
    with_relative_boxes,
    without_boxes,
    without_denials,
    yes_or_no,
)

GOLDEN: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "parity" / "misc" / "eval_parsing.json").read_text(encoding="utf-8")
)

# Every departure from the recorded outputs: (parser, input) -> what is read now, and which entry of MENDED tells why.
DEPARTURES: dict[tuple[str, str], tuple[object, str]] = {
    ("decode_bbox_from_caption", "The dog [1, 2, 3]."): ([], "not four numbers"),  # it raised IndexError
    ("decode_bbox_from_caption", "x [a, b, c, d]."): ([], "not four numbers"),  # it raised ValueError
    ("decode_bbox_from_caption", "a b ] [1, 2, 3, 4]."): ([("a b ]", (0, 0, 1, 1))], "stray bracket"),
    ("decode_bbox_from_caption", "a man [0, 0, 999, 999] and a dog [1, 1, 2, 2]."): (
        [("a man", (0, 0, 639, 426)), ("a dog", (0, 0, 1, 0))],
        "phrase behind and",
    ),
    ("parse_score", "8, 7"): ((8.0, 7.0), "comma between scores"),
    ("pope_normalise", "there isn't a dog"): ("no", "denial"),
}


def _scores(reply: str) -> tuple[float, float]:
    try:
        return judge_scores(reply)
    except ToolError:
        return (-1, -1)


def _recorded_and_read(parser: str, case: dict[str, Any]) -> tuple[str, object, object]:
    """The input, the recorded output (an error is None), and what is read now, in comparable forms."""
    match parser:
        case "decode_bbox_from_caption":
            recorded = None
            if case["error"] is None:
                recorded = [(words, tuple(box)) for words, box in zip(case["entities"], case["boxes"], strict=True)]
            found = released_boxes(case["text"], case["img_w"], case["img_h"])
            return case["text"], recorded, [(words, box.coordinates) for words, box in found]
        case "are_phrases_similar":
            return f"{case['a']} / {case['b']}", case["same"], same_phrase(case["a"], case["b"])
        case "remove_not_phrases_v2":
            return case["text"], case["out"], without_denials(case["text"])
        case "postprocess_answer":
            rewrite = with_relative_boxes if case["category"] == "ground_conv" else without_boxes
            return case["text"], case["out"], rewrite(case["text"])
        case "parse_score":
            return case["text"], tuple(case["out"]), _scores(case["text"])
        case "pope_normalise":
            return case["raw"], case["lowered_then"], yes_or_no(case["raw"])
    raise AssertionError(f"no test knows the parser {parser!r}")


CASES = [(*_recorded_and_read(parser, case), parser) for parser, cases in GOLDEN.items() for case in cases]


@pytest.mark.parametrize(("text", "recorded", "read", "parser"), CASES, ids=[f"{c[3]}: {c[0]!r}" for c in CASES])
def test_every_recorded_output_is_kept_but_for_its_faults(
    text: str, recorded: object, read: object, parser: str
) -> None:
    if (parser, text) in DEPARTURES:
        expected, mend = DEPARTURES[parser, text]
        assert read == expected, MENDED[mend].fault
        assert read != recorded, "no departure any more: strike it from the table"
    else:
        assert read == recorded


def test_every_departure_is_of_a_recorded_case() -> None:
    assert DEPARTURES.keys() <= {(parser, text) for text, _, _, parser in CASES}


def test_every_mended_fault_is_listed_and_shown() -> None:
    # That of VQA is of its official program, which test_vqa.py compares with.
    assert {mend for _, mend in DEPARTURES.values()} | {"all agree"} == set(MENDED)
    assert mended("flickr30k") == mended("refcoco")
    assert [name for name in ("refcoco", "pope", "ferret-bench", "vqa") if not mended(name)] == []
    assert mended("lvis") == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", NO_BOX),
        ("There is none.", NO_BOX),
        ("[sic]", NO_BOX),
        ("a dog [1, 2, 3, 4]", None),
        ("a dog [1, 2, 3]", MALFORMED_BOX),
        ("a dog [1, 2, 3, 4] and [1, 2]", MALFORMED_BOX),
        ("a dog [1, 2, 3, 4", NO_BOX),  # as the released scores read it
    ],
)
def test_what_an_answer_with_boxes_lacks(text: str, fault: str | None) -> None:
    assert box_fault(text, 640, 427) == fault


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        ("not", "not"),
        ("It is not.", "It is"),
        ("a dog, no, a cat.", "a dog, a cat."),
        ("I see nothing, note that, a notebook.", "I see nothing, note that, a notebook."),
        ("not a cat,\nnot a dog.", "not a cat,"),
    ],
)
def test_denied_clauses_are_taken_out(text: str, left: str) -> None:
    assert without_denials(text) == left


@pytest.mark.parametrize(
    ("text", "word", "either"),
    [
        ("", "yes", False),
        (".", "yes", False),
        ("Yes", "yes", True),
        ("NO", "no", True),
        ("No!", "no", True),
        ('"No" it is', "no", True),
        ("No;", "no", True),
        ("There is not.", "no", True),
        ("It isn\u2019t.", "no", True),
        ("I cannot see one", "no", True),
        ("There is a dog.", "yes", False),
        ("A snowboard, a knot and a note", "yes", False),
        ("There is a dog. No cat", "yes", False),
        ("yes and no", "no", True),
    ],
)
def test_yes_or_no(text: str, word: str, either: bool) -> None:
    assert yes_or_no(text) == word
    assert says_either(text) is either


@given(st.text())
def test_what_says_neither_counts_as_yes(text: str) -> None:
    assert yes_or_no(text) == "yes" or says_either(text)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", None),
        ("yes", "yes"),
        ("  Yes, it is.", "yes"),
        ("No.", "no"),
        ("Not at all", "no"),
        ("I say yes", None),
        ("The answer is no", None),
        ("A: yes", None),
    ],
)
def test_leading_yes_or_no(text: str, word: str | None) -> None:
    assert leading_yes_or_no(text) == word


@pytest.mark.parametrize(
    ("text", "bare", "relative"),
    [
        ("", "", ""),
        ("[0, 0, 999, 999]", "", "[0.000, 0.000, 0.999, 0.999]"),
        ("a [1,2,3,4] b", "a b", "a [0.001, 0.002, 0.003, 0.004] b"),
        ("a [1, 2, 3] b [sic]", "a [1, 2, 3] b [sic]", "a [1, 2, 3] b [sic]"),
        ("a\n[1, 2, 3, 4]", "a", "a\n[0.001, 0.002, 0.003, 0.004]"),
    ],
)
def test_boxes_for_a_judge(text: str, bare: str, relative: str) -> None:
    assert without_boxes(text) == bare
    assert with_relative_boxes(text) == relative


@pytest.mark.parametrize("reply", ["", "\n", "8 7 6", "eight 7", "8/10 7/10", "-1 -1", "nan 3", "8.5. 3", "1e9 2"])
def test_a_reply_without_two_scores_says_so(reply: str) -> None:
    with pytest.raises(ToolError, match="must hold two scores"):
        judge_scores(reply)


def test_scores_may_follow_an_empty_line() -> None:
    assert judge_scores("\n 9  10 \nBoth are good.") == (9, 10)


@given(st.text())
def test_a_plain_phrase_is_plain_already(text: str) -> None:
    assert plain_phrase(plain_phrase(text)) == plain_phrase(text)
