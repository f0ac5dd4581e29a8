"""Why a step stands in a plan, in one plain sentence: the words that it was read from, the rule, what was filled in."""

import re
from collections.abc import Mapping, Sequence

from agent.intents import Filter, Intent, Relation, Step

_KINDS = {
    Intent.REFER: "what a region shows",
    Intent.GROUND: "where things are",
    Intent.DESCRIBE: "descriptions",
    Intent.LIST: "everything there is",
    Intent.COUNT: "numbers",
    Intent.EXIST: "whether something is there",
    Intent.RELATE: "how things lie to each other",
    Intent.READ: "text",
    Intent.SEGMENT: "masks",
    Intent.COMPARE: "comparisons",
}


def plain(text: str) -> str:
    """Words with marks as people would say them: "<r0>" is "<region1>", "<r_>" is "this"."""
    text = re.sub(r"<r(\d+)>", lambda match: f"\x02region{int(match[1]) + 1}\x03", text)
    text = text.replace("<r_>", "this").replace("<r*>", "these").replace("<it>", "it")
    text = re.sub(r"<pic(\d+)>", lambda match: f"picture {int(match[1]) + 1}", text).replace("<pic>", "the picture")
    return " ".join(text.replace("\x02", "<").replace("\x03", ">").split())


def reason(
    step: Step,
    words: str,
    *,
    rule: bool,
    filled_in: Sequence[tuple[str, str]] = (),
    slips: Sequence[tuple[str, str]] = (),
    sources: Mapping[Filter, str],
) -> str:
    """The sentence for one step.

    Args:
        step: the finished step.
        words: the clause that it was read from, marks and all.
        rule: whether a rule read it; else it was made from what the words name or point at.
        filled_in: what a clause left to the ones before it: (said, meant).
        slips: what was read as what: (written, meant).
        sources: the words that each filter was read from; one that is missing came with what was filled in.
    """
    how = (
        f"a question about {_KINDS[step.intent]}"
        if rule
        else f"no rule fits it, so what it names or points at is taken as a question about {_KINDS[step.intent]}"
    )
    parts = [f'"{plain(words)}" is read as {step.intent.value}: {how}']
    parts += [f'"{said}" stands for "{plain(meant)}"' for said, meant in filled_in]
    parts += [f'"{one.of}" means {_said(one)}{_from(one, sources)}' for one in step.filters]
    parts += [f'"{written}" is taken for "{meant}"' for written, meant in slips if _occurs(meant, words)]
    return "; ".join(parts) + "."


def _occurs(meant: str, words: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(meant)}(?!\w)", words, re.IGNORECASE) is not None


def _from(one: Filter, sources: Mapping[Filter, str]) -> str:
    words = plain(sources.get(one, ""))
    return f' (from "{words}")' if words else " (as before)"


def _said(one: Filter) -> str:
    """What a filter keeps, in words."""
    anchor = f"<region{one.anchor + 1}>" if isinstance(one.anchor, int) else f'"{one.anchor}"'
    no = "not " if one.negated else ""
    if one.others:
        return f"those that are not {anchor}"
    if one.colour is not None:
        return f"{no}the {one.colour.value} ones"
    if one.text is not None:
        return f'those that {"do not say" if one.negated else "say"} "{one.text}"'
    if one.order is not None:
        place = f"number {one.nth} of the {one.order.value}" if one.nth > 1 else f"the {one.order.value}"
        return f"{place} to {anchor}" if one.anchor is not None else place
    assert one.relation is not None
    if one.anchor is not None:
        return f"those {no}{one.relation.value} {anchor}"
    return f"those {no}in the {_HALVES[one.relation]} half of the picture"


_HALVES = {Relation.LEFT: "left", Relation.RIGHT: "right", Relation.ABOVE: "upper", Relation.BELOW: "lower"}
