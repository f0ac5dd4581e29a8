"""Which files are pictures, under which names, and that nothing is passed over in silence."""

from pathlib import Path

import pytest

from ferret.errors import TrainingError
from training.experts.pictures import find_pictures


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_a_folder_with_everything_in_it(tmp_path: Path) -> None:
    touch(tmp_path, "b.PNG", "a/c.jpeg", "a/d/e.webp", "notes.txt", "no-suffix", ".hidden.png", ".git/x.png", " f.png")
    found = find_pictures(tmp_path)
    assert found.root == tmp_path
    assert found.names == ("a/c.jpeg", "a/d/e.webp", "b.PNG")
    assert found.passed_over == {
        "not named as a picture": 2, "hidden file": 1, "hidden folder": 1, "name that data cannot hold": 1,
    }  # fmt: skip


def test_names_of_bytes_that_are_no_text_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b\udcff.png")
    found = find_pictures(tmp_path)
    assert found.names == ("a.png",)
    assert found.passed_over == {"name that data cannot hold": 1}


def test_a_list_is_taken_at_its_word_from_its_own_folder(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    path = tmp_path / "lists" / "some.txt"
    path.write_text(f"../x/b.picture\n\n  ../x/y/a.png  \n{tmp_path}/x/b.picture\n")
    found = find_pictures(path)
    assert found.root == tmp_path / "x"
    assert found.names == ("b.picture", "y/a.png")
    assert found.passed_over == {"listed before": 1}


def test_given_paths_lie_below_their_common_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_pictures([Path("a/b.png")]).names == ("b.png",)
    found = find_pictures([Path("a/b.png"), tmp_path / "c" / ".." / "c" / "d.png"])
    assert (found.root, found.names) == (tmp_path, ("a/b.png", "c/d.png"))


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot read"), (b"\xff\xfe\x00", "not text"), (b"a\0b", "not text"), (b"\n \n", "no pictures")],
)
def test_what_is_no_list(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match=message):
        find_pictures(path)


def test_nothing_to_label_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no pictures in"):
        find_pictures(tmp_path)
    with pytest.raises(TrainingError, match="no pictures in the list given"):
        find_pictures([])
