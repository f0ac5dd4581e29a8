"""The projector: every cell goes somewhere, and boxes are written where and as they should be."""

import pytest
import torch

from ferret.projector import FerretProjector, place_code


def test_positions_are_told_apart_and_neighbours_are_alike() -> None:
    code = place_code(torch.linspace(0, 1, 1001), 24)
    assert code.shape == (1001, 48)
    assert torch.allclose(code.norm(dim=-1), torch.tensor(24.0).sqrt())
    likeness = code @ code.T
    assert (likeness.argmax(-1) == torch.arange(1001)).all()
    assert (likeness.diagonal(2) > likeness.diagonal(10)[: -1].min()).all()


def test_places_are_written_behind_the_names() -> None:
    torch.manual_seed(0)
    projector = FerretProjector(6, 40, "linear", 2, places=3)
    features = torch.randn(2, 16, 6)
    bare, written = projector.project(features, (4, 4)), projector(features, (4, 4))
    assert bare.shape == written.shape == (2, 4, 40)
    assert torch.equal(bare[..., :16], written[..., :16])
    expected = place_code(projector.box(bare).sigmoid(), 3).flatten(-2) * projector.place_gain
    torch.testing.assert_close(written[..., 16:] - bare[..., 16:], expected)


def test_words_teach_names_but_not_boxes() -> None:
    projector = FerretProjector(6, 40, places=5)
    projector(torch.randn(1, 4, 6), (2, 2)).sum().backward()
    assert projector.box.weight.grad is None
    assert projector.layers[0].weight.grad is not None
    assert projector.place_gain.grad is not None


def test_without_places_there_is_no_head() -> None:
    plain = FerretProjector(6, 40)
    assert [name for name, _ in plain.named_parameters()] == ["layers.0.weight", "layers.0.bias"]
    features = torch.randn(1, 4, 6)
    assert torch.equal(plain(features, (2, 2)), plain.project(features, (2, 2)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_stays_half(dtype: torch.dtype) -> None:
    projector = FerretProjector(6, 40, places=5).to(dtype)
    assert projector(torch.randn(1, 4, 6, dtype=dtype), (2, 2)).dtype == dtype
