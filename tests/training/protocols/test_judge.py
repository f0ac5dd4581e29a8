"""Judges: over HTTP to a server of this process, and recorded."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ferret.errors import RequestError, ToolError, TrainingError
from training.protocols.judge import HttpJudge, KeptJudge, RecordedJudge

COMPLETION = json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": "8 7\nGood."}}]})


@dataclass
class Endpoint:
    """A server on this machine: what it replies, and what it was sent."""

    status: int = 200
    body: str = COMPLETION
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    requests: list[tuple[str, str | None, Any]] = field(default_factory=list)


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append((self.path, self.headers["Authorization"], asked))
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(state.body.encode())

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_prompt_is_sent_as_a_chat_and_its_reply_given_back(endpoint: Endpoint) -> None:
    assert HttpJudge(endpoint.url + "/", "gpt-4-0314", key="secret").review("Rate these.") == "8 7\nGood."
    ((path, authorization, asked),) = endpoint.requests
    assert path == "/v1/chat/completions"
    assert authorization == "Bearer secret"
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("gpt-4-0314", 0.2, 1024)
    assert [message["role"] for message in asked["messages"]] == ["system", "user"]
    assert asked["messages"][1]["content"] == "Rate these."


def test_without_a_key_none_is_sent_and_a_key_is_never_shown(endpoint: Endpoint) -> None:
    HttpJudge(endpoint.url, "judge").review("Rate these.")
    assert endpoint.requests[0][1] is None
    assert "secret" not in repr(HttpJudge(endpoint.url, "judge", key="secret"))


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, "", "refused: 401"),
        (500, COMPLETION, "refused: 500"),
        (200, "", "no chat completion"),
        (200, "{}", "no chat completion"),
        (200, '{"choices": []}', "no chat completion"),
        (200, '{"choices": [{"message": {"content": null}}]}', "no chat completion"),
    ],
)
def test_anything_but_a_completion_is_an_error(endpoint: Endpoint, status: int, body: str, message: str) -> None:
    endpoint.status, endpoint.body = status, body
    with pytest.raises(ToolError, match=message):
        HttpJudge(endpoint.url, "judge").review("Rate these.")


def test_nobody_is_followed_to_another_address(endpoint: Endpoint) -> None:
    endpoint.status, endpoint.headers = 302, {"Location": f"{endpoint.url}/elsewhere"}
    with pytest.raises(ToolError, match="refused: 302"):
        HttpJudge(endpoint.url, "judge", key="secret").review("Rate these.")
    assert len(endpoint.requests) == 1


def test_a_judge_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    # Port 9 of this machine: the discard service, which nobody runs.
    with pytest.raises(ToolError, match="gave no reply"):
        HttpJudge("http://127.0.0.1:9/v1", "judge", timeout=5).review("Rate these.")


@pytest.mark.parametrize("address", ["", "judge.example/v1", "file:///etc/passwd", "ftp://judge.example"])
def test_an_endpoint_is_an_http_address(address: str) -> None:
    with pytest.raises(RequestError, match="is no address"):
        HttpJudge(address, "judge")


def test_a_judge_has_a_model() -> None:
    with pytest.raises(RequestError, match="has no model"):
        HttpJudge("https://judge.example/v1", "")


def test_recorded_reviews_are_found_by_their_whole_prompt(tmp_path: Path) -> None:
    file = tmp_path / "reviews.jsonl"
    lines = [{"prompt": "one", "review": "1 2"}, {"prompt": "one", "review": "3 4"}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    judge = RecordedJudge.read(file)
    assert judge.review("one") == "3 4"
    with pytest.raises(ToolError, match="no review is recorded for the prompt that begins 'on'"):
        judge.review("on")
    file.write_text('{"prompt": "one"}', encoding="utf-8")
    with pytest.raises(TrainingError, match="line 1: review: Field required"):
        RecordedJudge.read(file)


def test_a_kept_judge_is_asked_no_prompt_twice(endpoint: Endpoint, tmp_path: Path) -> None:
    file = tmp_path / "run" / "reviews.jsonl"
    file.parent.mkdir()
    asked = HttpJudge(endpoint.url, "judge", key="secret")
    for _ in range(2):  # the second is another process that goes on
        judge = KeptJudge(asked, file)
        assert [judge.review(prompt) for prompt in ("one", "two", "one")] == ["8 7\nGood."] * 3
    assert [prompt["messages"][1]["content"] for _, _, prompt in endpoint.requests] == ["one", "two"]
    assert "secret" not in file.read_text(encoding="utf-8")
    recorded = RecordedJudge.read(file)
    assert recorded.review("two") == "8 7\nGood."
    assert f"judge at {endpoint.url}" in recorded.name


def test_a_review_that_was_cut_off_is_asked_for_again(tmp_path: Path) -> None:
    file = tmp_path / "reviews.jsonl"
    judge = KeptJudge(RecordedJudge({"one": "1 2", "two": "3 4"}), file)
    for prompt in ("one", "two"):
        judge.review(prompt)
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    KeptJudge(judge.judge, file).review("two")
    assert file.read_bytes() == whole


def test_reviews_of_another_judge_are_not_mixed_in(tmp_path: Path) -> None:
    file = tmp_path / "reviews.jsonl"
    KeptJudge(RecordedJudge({"one": "1 2"}, "somebody"), file).review("one")
    with pytest.raises(TrainingError, match="holds reviews by somebody, not by recorded reviews"):
        KeptJudge(RecordedJudge({}), file)
    file.write_text('{"prompt": "one", "review": "1 2"}\n', encoding="utf-8")
    with pytest.raises(TrainingError, match="holds reviews by an unknown judge"):
        KeptJudge(RecordedJudge({}), file)


def test_a_judge_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    file = tmp_path / "reviews.jsonl"
    with pytest.raises(ToolError, match="no review is recorded"):
        KeptJudge(RecordedJudge({}), file).review("one")
    assert not file.exists()
