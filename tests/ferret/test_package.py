"""The front door of the package: light to open, and known to transformers once the model is touched."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import ferret


def fresh(code: str) -> str:
    """What a new interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_is_there() -> None:
    assert set(ferret.__all__) == set(ferret._HOME) <= set(dir(ferret))
    for name, home in ferret._HOME.items():
        assert getattr(ferret, name) is getattr(import_module(f"ferret.{home}"), name), name


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(str(ferret.__file__)).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If) and isinstance(node.test, ast.Name))
    seen = {
        alias.asname: str(node.module).removeprefix("ferret.")
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == ferret._HOME


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="module 'ferret' has no attribute 'Ferrari'"):
        ferret.__getattr__("Ferrari")


def test_what_needs_no_model_loads_no_model() -> None:
    code = (
        "import sys, ferret, ferret.regions, ferret.prompts, ferret.coordinates\n"
        "ferret.Box, ferret.parse_answer, ferret.load_image, ferret.WeightsError\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))\n"
        "import ferret.engine\n"
        "print('transformers' in sys.modules)"
    )
    assert fresh(code).splitlines() == ["[]", "False"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import ferret; ferret.FerretConfig; import transformers",
        "import transformers, ferret",
    ],
    ids=["touched first", "transformers first"],
)
def test_auto_classes_know_ferret(code: str) -> None:
    code += (
        "\nprint(type(transformers.AutoConfig.for_model('ferret')).__name__)"
        "\nprint(transformers.AutoModelForImageTextToText._model_mapping[ferret.FerretConfig].__name__)"
        "\nprint(transformers.AutoModel._model_mapping[ferret.FerretConfig].__name__)"
        "\nfrom transformers.models.auto.processing_auto import PROCESSOR_MAPPING as known"
        "\nprint(known[ferret.FerretConfig].__name__)"
    )
    names = ["FerretConfig", "FerretForConditionalGeneration", "FerretModel", "FerretProcessor"]
    assert fresh(code).splitlines() == names
