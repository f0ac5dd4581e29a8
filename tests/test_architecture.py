"""The shape of the code: floors whose imports only go down, light front doors, and no unsafe way of loading a file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Floor -> the floors that it may import. agent/ and training/ stand side by side and do not know each other.
FLOORS: dict[str, set[str]] = {
    "ferret": set(),
    "tools": {"ferret"},
    "agent": {"tools", "ferret"},
    "training": {"tools", "ferret"},
}
# The one door between the two: the command line names training's sub-commands and imports them when they are called.
BY_NAME = {("agent/cli.py", "training")}

# Seconds of start-up each; imported where they are used, never by a module that only describes things.
HEAVY = {*"torch torchvision transformers accelerate ultralytics easyocr rapidocr onnxruntime segment_anything".split()}

SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Every module that a file imports, at its top or inside a function: (line, absolute name, whether by a string)."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, False
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield node.lineno, base, False
            for alias in node.names:  # `from . import x` and `from package import module` name modules too
                yield node.lineno, f"{base}.{alias.name}", False
        elif isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"} and node.args:
                for part in ast.walk(node.args[0]):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield node.lineno, part.value, True


def trespasses(path: Path, source: str) -> list[str]:
    """The imports of one file that go up or sideways."""
    floor = path.relative_to(ROOT).parts[0]
    house = set(FLOORS) | {"tests", "examples", "benchmarks"}
    found = set()
    for line, module, by_string in imports(path, ast.parse(source)):
        target = module.split(".")[0]
        if target not in house or target == floor or target in FLOORS[floor]:
            continue
        if by_string and (named(path), target) in BY_NAME:
            continue
        found.add(f"{named(path)}:{line} imports {target}")
    return sorted(found)


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_imports_go_down_only(path: Path) -> None:
    assert trespasses(path, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("file", "source", "count"),
    [
        ("ferret/x.py", "import tools", 1),
        ("ferret/x.py", "from tools.base import Detector", 1),
        ("ferret/x.py", "def f():\n    from agent import VisionAgent", 1),
        ("ferret/deep/x.py", "from ...tools import base", 1),
        ("ferret/deep/x.py", "from ..regions import Box", 0),
        ("tools/x.py", "import ferret.regions", 0),
        ("tools/x.py", "if True:\n    import training.scenes as s", 1),
        ("agent/x.py", "from importlib import import_module\nimport_module('training.cli')", 1),
        ("agent/cli.py", "from importlib import import_module\nimport_module('training.cli')", 0),
        ("agent/cli.py", "import training", 1),
        ("training/x.py", "import agent.graph", 1),
        ("training/x.py", "import importlib\nimportlib.import_module(f'agent.{name}')", 1),
        ("agent/x.py", "import tests.conftest", 1),
        ("agent/x.py", "import toolsmith, agentic", 0),
    ],
)
def test_the_check_itself_sees_every_form_of_import(file: str, source: str, count: int) -> None:
    assert len(trespasses(ROOT / file, source)) == count


def test_every_floor_has_sources_and_says_that_it_is_typed() -> None:
    for floor in FLOORS:
        assert (ROOT / floor / "__init__.py").is_file(), f"{floor}/ has no __init__.py"
        assert (ROOT / floor / "py.typed").is_file(), f"{floor}/ has no py.typed"


LIGHT = [
    "import ferret",
    "import ferret.regions, ferret.coordinates, ferret.parsing, ferret.prompts, ferret.images, ferret.errors",
    "import tools",
    "import tools.base",
    "import agent",
    "from agent import VisionAgent",
    "import agent.cli",
    "import sys; sys.argv = ['ferret', '--help']; import agent.cli; run(agent.cli.main)",
    "import sys; sys.argv = ['ferret', 'ask', '--help']; import agent.cli; run(agent.cli.main)",
]


@pytest.mark.parametrize("statement", LIGHT)
def test_light_modules_stay_light(statement: str) -> None:
    program = f"""
import contextlib, io, sys
def run(main):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        main()
    assert 'Usage' in out.getvalue(), out.getvalue()
{statement}
print(*sorted({HEAVY!r} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [], f"`{statement}` imports {done.stdout.strip()}"


PICKLES = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
PICKLE_ERRORS = {"PickleError", "UnpicklingError"}  # catching what a damaged file raises loads nothing


def unsafe(source: str) -> list[str]:
    """Calls and imports that run what a file says: pickles, `eval`, remote code."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.asname or alias.name for alias in node.names if alias.name.split(".")[0] in PICKLES}
            found += [f"{node.lineno}: import {name} as something else" for name in names - PICKLES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in PICKLES:
            found += [f"{node.lineno}: {alias.name}" for alias in node.names if alias.name not in PICKLE_ERRORS]
        elif isinstance(node, ast.Attribute) and ast.unparse(node.value) in PICKLES and node.attr not in PICKLE_ERRORS:
            found.append(f"{node.lineno}: {ast.unparse(node)}")
        elif isinstance(node, ast.Call):
            keywords = {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}
            if isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec", "compile"}:
                found.append(f"{node.lineno}: {node.func.id}()")
            if ast.unparse(node.func) == "torch.load" and keywords.get("weights_only") is not True:
                found.append(f"{node.lineno}: torch.load without weights_only=True")
            if ast.unparse(node.func) in {"np.load", "numpy.load"} and keywords.get("allow_pickle"):
                found.append(f"{node.lineno}: numpy.load of pickles")
            if keywords.get("trust_remote_code"):
                found.append(f"{node.lineno}: trust_remote_code")
            if ast.unparse(node.func) == "yaml.load":
                found.append(f"{node.lineno}: yaml.load instead of yaml.safe_load")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=named)
def test_no_file_is_ever_run(path: Path) -> None:
    assert unsafe(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("import pickle\npickle.loads(b'')", 1),
        ("import pickle as p", 1),
        ("from pickle import loads", 1),
        ("from pickle import UnpicklingError", 0),
        ("import pickle\ntry: f()\nexcept pickle.UnpicklingError: pass", 0),
        ("eval('1')", 1),
        ("model.eval()", 0),
        ("re.compile('x')", 0),
        ("torch.load(path)", 1),
        ("torch.load(path, weights_only=False)", 1),
        ("torch.load(path, weights_only=True)", 0),
        ("np.load(path, allow_pickle=True)", 1),
        ("np.load(path)", 0),
        ("AutoModel.from_pretrained(p, trust_remote_code=True)", 1),
        ("AutoModel.from_pretrained(p, trust_remote_code=False)", 0),
    ],
)
def test_the_check_itself_sees_unsafe_loading(source: str, count: int) -> None:
    assert len(unsafe(source)) == count
