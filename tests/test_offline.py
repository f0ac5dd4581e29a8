"""No network: the main path runs where there is none, and nothing in it even tries to reach one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

# Runs the command inside a process that writes down, as JSON on its last line of standard error, every attempt to reach
# the network and how the switches stood at the moment when the library that reads them was first imported.
PROGRAM = """
import json, os, sys

ATTEMPTS, SWITCHES = [], {}
READS = {
    "onnxruntime": ("ORT_DISABLE_TELEMETRY",),
    "ultralytics": ("YOLO_OFFLINE", "YOLO_AUTOINSTALL"),
    "langgraph": ("LANGGRAPH_STRICT_MSGPACK",),
}

def watch(event, args):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.sendto"}:
        ATTEMPTS.append([event, repr(args[-1] if event == "socket.sendto" else args[0])])
    elif event == "socket.connect" and isinstance(args[1], tuple):
        ATTEMPTS.append([event, repr(args[1])])
    elif event == "urllib.Request":
        ATTEMPTS.append([event, repr(args[0])])

class Finder:  # asked before any other, whichever way a module is imported; finds nothing itself
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name in READS:  # some only ask whether it is installed; the last to ask imports it
            SWITCHES[name] = {switch: os.environ.get(switch) for switch in READS[name]}

sys.addaudithook(watch)
sys.meta_path.insert(0, Finder)
from agent.cli import main
sys.argv = ["ferret", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code or 0
imported = {name: switches for name, switches in SWITCHES.items() if name in sys.modules}
print(json.dumps({"attempts": ATTEMPTS, "switches": imported}), file=sys.stderr)
sys.exit(code)
"""

QUESTIONS = ["What is this?", "Where is the dog?", "What does the sign say?", "Outline the house."]


def without_a_network() -> list[str]:
    """The words that start a command in an empty network namespace, or none where the system does not permit it."""
    unshare = shutil.which("unshare")
    if unshare:
        for words in ([unshare, "-rn"], [unshare, "-n"]):
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
    return []


@pytest.mark.slow
def test_the_main_path_needs_no_network_and_looks_for_none(demo_picture: Path, tmp_path: Path) -> None:
    lines = [
        {"id": str(number), "question": question, "images": [str(demo_picture)]}
        | ({"regions": ["box:158,282,274,376"]} if question == "What is this?" else {})
        for number, question in enumerate(QUESTIONS)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    # A bare environment and an empty home: whatever keeps the libraries quiet has to come from the package itself.
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*without_a_network(), sys.executable, "-c", PROGRAM, "batch", "in.jsonl", "--out", "out.jsonl"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [answer.get("error") for answer in answers] == [None] * len(QUESTIONS)
    used = {evidence["tool"] for answer in answers for evidence in answer["evidence"]}
    assert used >= {"detector", "ocr", "sam", "ferret"}

    report = json.loads(done.stderr.strip().splitlines()[-1])
    assert report["attempts"] == []
    off = {"YOLO_AUTOINSTALL": {"0", "false"}}
    for library, switches in report["switches"].items():
        for name, value in switches.items():
            assert (value or "").lower() in off.get(name, {"1", "true"}), f"{library}: {name} is {value!r}"
    assert {"onnxruntime", "ultralytics", "langgraph"} <= report["switches"].keys()
