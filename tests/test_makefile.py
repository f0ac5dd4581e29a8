"""The promises of the Makefile that need no installation: when .venv is built, and what is said when it cannot be."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


@pytest.fixture
def checkout(repo_root: Path, tmp_path: Path) -> Path:
    """A fresh checkout as far as make can tell, in a folder whose name has a space."""
    folder = tmp_path / "a checkout"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(repo_root / name, folder)
    return folder


def make(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # Not a child of the make that may be running these tests, whose options it would inherit.
    inherited = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "PYTHON"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ["make", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def fake_python(folder: Path, version: str) -> Path:
    """A program that answers to the two ways in which the Makefile asks a Python for its version."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\ncase "$1" in -V) echo "Python {version}";; *) exit 1;; esac\n', encoding="utf-8")
    path.chmod(0o755)
    return path


def pretend_installed(checkout: Path) -> None:
    """What `make install` leaves behind: the environment's python, and the stamp, as make itself names it."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    touched = next(line for line in make(checkout, "-n", "install").stdout.splitlines() if line.startswith("touch "))
    (checkout / touched.removeprefix("touch ")).touch()


@pytest.mark.parametrize("target", ["demo", "test", "install", "lint", "types", "train", "evaluate"])
def test_a_fresh_checkout_is_installed_first(checkout: Path, target: str) -> None:
    words = make(checkout, "-n", target).stdout
    assert words.index("-m venv .venv") < words.index("pip install")


@pytest.mark.parametrize("target", ["demo", "test"])
def test_an_installed_checkout_calls_no_pip(checkout: Path, target: str) -> None:
    pretend_installed(checkout)
    assert "pip" not in make(checkout, "-n", target).stdout
    (checkout / "pyproject.toml").touch()  # a newer date alone changes nothing
    assert "pip" not in make(checkout, "-n", target).stdout


def test_other_requirements_are_installed(checkout: Path) -> None:
    pretend_installed(checkout)
    with (checkout / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("# another requirement\n")
    words = make(checkout, "-n", "test").stdout
    assert "pip install" in words
    assert "-m venv" not in words


def test_a_copied_environment_is_not_taken_for_ones_own(checkout: Path, tmp_path: Path) -> None:
    pretend_installed(checkout)
    copy = shutil.copytree(checkout, tmp_path / "copy")
    assert "pip install" in make(copy, "-n", "test").stdout


def test_an_old_python_is_named(checkout: Path, tmp_path: Path) -> None:
    done = make(checkout, f"PYTHON={fake_python(tmp_path, '3.9.2')}", "demo")
    assert done.returncode != 0
    assert "3.11 or newer" in done.stderr
    assert "Python 3.9.2" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_python_is_named(checkout: Path) -> None:
    done = make(checkout, "PYTHON=no-such-python", "test")
    assert done.returncode != 0
    assert "There is no 'no-such-python'" in done.stderr


def test_help_lists_every_target(checkout: Path) -> None:
    listed = make(checkout).stdout  # help is what make does when nothing is asked for
    for target in ("install", "demo", "test", "lint", "types", "check", "evaluate", "train", "clean", "help"):
        assert f"make {target} " in listed
