"""What every test shares: a quiet, offline, single-threaded, seeded process, and the places of the repository."""

import os
import random
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Set before anything imports a library that reads them. The package sets what it relies on by itself
# (tests/test_offline.py checks that without these); here they also cover libraries that a test imports directly.
os.environ |= {
    "OMP_NUM_THREADS": "1",  # two threads on a busy machine are several times slower than one
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "LANGSMITH_TRACING": "false",
    "ORT_DISABLE_TELEMETRY": "1",
    "ULTRALYTICS_SAFE_LOAD": "1",
    "YOLO_AUTOINSTALL": "false",
    "YOLO_OFFLINE": "1",
}

# The same examples on every run: a failure that only some runs show helps nobody.
# Whoever starts the tests in the background may have Ctrl-C ignored, which is inherited; some tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile("repeatable", deadline=None, derandomize=True, database=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def repo_root() -> Path:
    """The folder of the checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def demo_picture(repo_root: Path) -> Path:
    """The picture that `make demo` asks about."""
    return repo_root / "examples" / "pictures" / "scene.png"


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep threads, artifacts and settings that a test makes out of the home of whoever runs it."""
    home = tmp_path_factory.mktemp("home")
    os.environ |= {"FERRET_HOME": str(home / "ferret"), "YOLO_CONFIG_DIR": str(home / "ultralytics")}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Start every test from the same random state, without importing what the test does not use."""
    random.seed(0)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)
