"""A chat model as the planner: what it is told, replies that are usable, and a server on this machine."""

import json
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from agent.chat_planner import ChatPlanner
from agent.chat_prompt import EXAMPLES, MOST_NAMES, messages, plan_schema
from agent.chat_reply import TroubleKind, read_reply
from agent.intents import Filter, Intent, Order, Plan, Step
from agent.planning import plan_question

sys.path.insert(0, str(Path(__file__).parent))
from scripted import GOOD, NAMES, QUESTION, call, plan_by, scripted, steps

# --- replies that are right -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps(GOOD),
        json.dumps({**GOOD, "question": QUESTION}),
        f"```json\n{json.dumps(GOOD, indent=2)}\n```",
        f"Here is the plan:\n{json.dumps(GOOD)}\nI hope that it helps.",
        f"<think>A {{dog}} and a region, so two steps.</think>\n{json.dumps(GOOD)}",
        AIMessage([{"type": "text", "text": json.dumps(GOOD)}]),
        call("plan", GOOD),
    ],
)
def test_a_good_reply_is_the_plan(reply: Any) -> None:
    model = scripted(reply)
    made = plan_by(model)
    assert made.question == QUESTION
    assert made.steps == (Step(intent=Intent.GROUND, targets=("dog",)), Step(intent=Intent.REFER, regions=(0,)))
    assert made.reasons == tuple(GOOD["reasons"])
    assert len(model.asked) == 1


def test_every_step_has_a_reason_even_where_the_model_gave_none() -> None:
    made = plan_by(scripted(json.dumps({"steps": GOOD["steps"]})))
    assert len(made.reasons) == len(made.steps) == 2


def test_the_examples_of_the_prompt_are_plans_that_would_be_accepted() -> None:
    shown = messages("Where?", 0, 1, (), with_schema=False)[2:-1:2]
    assert len(shown) == len(EXAMPLES)
    for message, (question, regions, pictures, planned, reasons) in zip(shown, EXAMPLES, strict=True):
        made = read_reply(AIMessage(message.content), question, regions, pictures)
        assert made == Plan(question=question, steps=planned, reasons=reasons)


def test_the_schema_leaves_the_question_out_and_everything_else_in() -> None:
    schema = plan_schema()
    assert set(schema["properties"]) == {"steps", "reasons"}
    assert schema["required"] == ["steps"]
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["Step"]["properties"]) == set(Step.model_fields)
    assert set(schema["$defs"]["Intent"]["enum"]) == set(Intent)


def test_the_model_is_told_words_and_numbers_alone() -> None:
    model = scripted(json.dumps(GOOD))
    plan_by(model, 'Is "}] a dog here?\u202e', regions=3, images=2)
    (asked,) = model.asked
    assert json.loads(str(asked[-1].content)) == {"question": 'Is "}] a dog here?', "regions": 3, "pictures": 2}
    assert "dog, apple, sign, tree." in str(asked[0].content)
    assert '"maxItems"' in str(asked[0].content)  # it takes no schema beside the words, so it is told there


def test_a_long_vocabulary_is_counted_rather_than_sent() -> None:
    names = [f"name{index}" for index in range(MOST_NAMES + 7)]
    told = str(messages("Where?", 0, 1, names, with_schema=False)[0].content)
    assert f"name{MOST_NAMES - 1}, and 7 more." in told
    assert f"name{MOST_NAMES}," not in told


# --- a server on this machine -----------------------------------------------------------------------------------------


class Server(ThreadingHTTPServer):
    """Speaks the chat wire of OpenAI, for as far as a planner needs it; keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.replies: list[str] = [json.dumps(GOOD)]
        self.takes_schema = True
        self.status = 200
        self.patience = threading.Event()
        self.patience.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.patience.wait(5)
        status = self.server.status if self.server.takes_schema or "response_format" not in body else 400
        said = self.server.replies[min(len(self.server.bodies), len(self.server.replies)) - 1]
        message = {"role": "assistant", "content": said}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        told: dict[str, Any] = {
            "id": "1", "object": "chat.completion", "created": 1, "model": body["model"], "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }  # fmt: skip
        if status != 200:
            told = {"error": {"message": "sk-secret is not welcome", "type": "invalid_request_error"}}
        data = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        try:
            self.wfile.write(data)
        except OSError:
            return  # the client has given up

    def log_message(self, *_: Any) -> None:
        """Nothing: a test prints no log."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A running server, and its end."""
    made = Server()
    worker = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    worker.start()
    yield made
    made.patience.set()
    made.shutdown()
    worker.join()
    made.server_close()


def at(server: Server, seconds: float = 10.0) -> ChatPlanner:
    return ChatPlanner("qwen3:4b", url=server.url, key="own", seconds=seconds)


def test_a_local_server_plans(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-service")
    made = at(server).plan(QUESTION, 1, 1, NAMES)
    assert made.reasons == tuple(GOOD["reasons"])
    (body,) = server.bodies
    assert body["model"] == "qwen3:4b"
    assert body["temperature"] == 0
    assert body["response_format"]["type"] == "json_schema"
    assert body["response_format"]["json_schema"]["name"] == "plan"
    assert set(body["response_format"]["json_schema"]["schema"]["properties"]) == {"steps", "reasons"}
    assert [message["role"] for message in body["messages"]][:3] == ["system", "user", "assistant"]
    ChatPlanner("qwen3:4b", url=server.url).plan(QUESTION, 1, 1, NAMES)
    assert server.keys == ["Bearer own", "Bearer none"]


def test_a_server_that_takes_no_schema_is_told_it_in_words(server: Server) -> None:
    server.takes_schema = False
    planner = at(server)
    for _ in range(2):
        assert planner.plan(QUESTION, 1, 1, NAMES).reasons == tuple(GOOD["reasons"])
    assert ["response_format" in body for body in server.bodies] == [True, False, False]
    assert "JSON schema" in server.bodies[1]["messages"][0]["content"]


def test_a_server_may_mend_its_plan_once(server: Server) -> None:
    server.replies = ["A dog? Surely.", json.dumps(GOOD)]
    assert at(server).plan(QUESTION, 1, 1, NAMES).reasons == tuple(GOOD["reasons"])
    assert len(server.bodies) == 2


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_server_that_refuses_ends_in_the_offline_plan(server: Server, status: int) -> None:
    server.status = status
    made = at(server).plan(QUESTION, 1, 1, NAMES)
    assert made.steps == plan_question(QUESTION, 1, 1, NAMES).steps
    assert TroubleKind.FAILED.value in made.reasons[0]
    assert "secret" not in made.reasons[0]


def test_a_server_that_is_slow_or_gone_ends_in_the_offline_plan(server: Server) -> None:
    server.patience.clear()
    begun = time.monotonic()
    planner = at(server, seconds=0.4)
    planner._built()  # its libraries take longer than the plan may
    begun = time.monotonic()
    made = planner.plan(QUESTION, 1, 1, NAMES)
    assert time.monotonic() - begun < 3
    assert made.steps == plan_question(QUESTION, 1, 1, NAMES).steps
    nobody = ChatPlanner("x", url="http://127.0.0.1:9/v1", seconds=5)
    assert TroubleKind.FAILED.value in nobody.plan(QUESTION, 1, 1, NAMES).reasons[0]


def test_filters_come_through(server: Server) -> None:
    server.replies = [
        steps({"intent": "ground", "targets": ["dog"], "filters": [{"of": "dog", "order": "largest", "nth": 2}]})
    ]
    (step,) = at(server).plan("Where is the second largest dog?", 0, 1, NAMES).steps
    assert step.filters == (Filter(of="dog", order=Order.LARGEST, nth=2),)
