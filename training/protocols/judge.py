"""Judges: another model that reads two answers and scores them, behind one small protocol.

    judge = HttpJudge("https://judge.example/v1", model="gpt-4-0314", key=key)
    judge = RecordedJudge.read(Path("reviews.jsonl"))
    judge = KeptJudge(judge, Path("run/reviews.jsonl"))
    judge.review(prompt)

Only `HttpJudge` uses the network, only when it is asked, and only at the address that it was given.
"""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ferret.errors import RequestError, ToolError, TrainingError
from training.protocols.kept import add_lines, whole_lines
from training.protocols.provenance import data_hash
from training.readers.records import Record, checked_lines
from training.readers.report import Report

TEMPERATURE = 0.2
MAX_TOKENS = 1024
SYSTEM = "You are a careful and exact judge of the quality of answers."


class Judge(Protocol):
    """Whoever answers a prompt that asks for scores."""

    @property
    def name(self) -> str:
        """Who it is, in a line; replies of different judges do not compare."""

    def review(self, prompt: str) -> str:
        """The reply to a prompt: two scores on its first line, then reasons.

        Raises:
            ToolError: there is no reply.
        """


class _Message(BaseModel):
    model_config = ConfigDict(extra="ignore")
    content: str


class _Choice(BaseModel):
    model_config = ConfigDict(extra="ignore")
    message: _Message


class _Completion(BaseModel):
    """The part of a chat completion that is read."""

    model_config = ConfigDict(extra="ignore")
    choices: list[_Choice] = Field(min_length=1)


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: question, answer and key go to the address that was given and to no other."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        return None


@dataclass(frozen=True)
class HttpJudge:
    """A model behind an endpoint that speaks OpenAI's chat completions.

    Attributes:
        endpoint: address up to and without `/chat/completions`, http or https.
        model: the model's name at that endpoint.
        key: sent as the bearer's token; empty where none is needed. Never shown.
        timeout: seconds until a reply is given up.

    Raises:
        RequestError: the endpoint is no http address, or there is no name of a model.
    """

    endpoint: str
    model: str
    key: str = field(default="", repr=False)
    timeout: float = 120.0

    def __post_init__(self) -> None:
        if not self.endpoint.startswith(("http://", "https://")):
            raise RequestError(f"the judge's endpoint {self.endpoint!r} is no address: write it as https://HOST/v1")
        if not self.model:
            raise RequestError("the judge has no model: name one that its endpoint offers")

    @property
    def name(self) -> str:
        """The model and its endpoint."""
        return f"{self.model} at {self.endpoint.rstrip('/')}"

    def review(self, prompt: str) -> str:
        """The reply of the model at the endpoint.

        Raises:
            ToolError: the endpoint cannot be reached, refuses, or replies with anything but a completion.
        """
        asked = {
            "model": self.model,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": prompt}],
            "temperature": TEMPERATURE,
            "max_tokens": MAX_TOKENS,
        }
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {self.key}"} if self.key else {})
        url = f"{self.endpoint.rstrip('/')}/chat/completions"
        request = urllib.request.Request(url, data=json.dumps(asked).encode(), headers=headers, method="POST")
        try:
            with urllib.request.build_opener(_StayHere).open(request, timeout=self.timeout) as response:
                body = response.read()
        except urllib.error.HTTPError as error:
            with error:  # it holds the connection
                raise ToolError(f"the judge at {url} refused: {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:  # unreachable, timed out, or broken off
            raise ToolError(f"the judge at {url} gave no reply: {error}") from None
        try:
            return _Completion.model_validate_json(body).choices[0].message.content
        except ValidationError:
            raise ToolError(f"the judge at {url} replied with something that is no chat completion") from None


class _Line(Record):
    prompt: str
    review: str
    judge: str | None = None


def _read(path: Path) -> list[_Line]:
    """The lines of a file of reviews, all of which must be sound."""
    report = Report(keep=1)
    lines = [line for _, _, line in checked_lines(path, _Line, report)]
    if report.malformed:
        raise TrainingError(f'{report.examples[0]}: a review is {{"prompt": "...", "review": "..."}}')
    return lines


@dataclass(frozen=True)
class RecordedJudge:
    """Replies given before, by their prompts."""

    reviews: Mapping[str, str]
    name: str = "recorded reviews"

    @classmethod
    def read(cls, path: Path) -> "RecordedJudge":
        """The replies in a file of JSON lines, `{"prompt": "...", "review": "..."}` each; of two the later counts.

        Raises:
            TrainingError: the file cannot be read or breaks the format.
        """
        lines = _read(path)
        judges = sorted({line.judge for line in lines if line.judge})
        told = f"reviews recorded in {path.name} {data_hash(path)[:12]}"
        return cls({line.prompt: line.review for line in lines}, f"{told} from {', '.join(judges)}" if judges else told)

    def review(self, prompt: str) -> str:
        """The reply recorded for exactly this prompt.

        Raises:
            ToolError: there is none.
        """
        try:
            return self.reviews[prompt]
        except KeyError:
            raise ToolError(f"no review is recorded for the prompt that begins {prompt[:80]!r}") from None


class KeptJudge:
    """A judge whose every reply is kept in a file as it comes, and that is asked no prompt twice.

    Args:
        judge: who is asked.
        path: of JSON lines as `RecordedJudge` reads them; made if missing, continued if it holds replies of this judge.

    Raises:
        TrainingError: the file breaks the format, or holds replies of another judge.
    """

    def __init__(self, judge: Judge, path: Path) -> None:
        self.judge, self.path, self.name = judge, path, judge.name
        lines = _read(path) if whole_lines(path) else []
        others = sorted({line.judge or "an unknown judge" for line in lines} - {self.name})
        if others:
            raise TrainingError(
                f"{str(path)!r} holds reviews by {others[0]}, not by {self.name}: move it away to have all judged anew"
            )
        self._reviews = {line.prompt: line.review for line in lines}

    def review(self, prompt: str) -> str:
        """The reply to a prompt, as kept or else of the judge; errors as there.

        Raises:
            TrainingError: the file cannot be written.
        """
        if prompt not in self._reviews:
            reply = self.judge.review(prompt)
            add_lines(self.path, [json.dumps({"judge": self.name, "prompt": prompt, "review": reply})])
            self._reviews[prompt] = reply
        return self._reviews[prompt]
