"""The reader of weights: every width of number, and files that are broken."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_pocket import config, folder, tensors, write_safetensors

from understudy.pocket.decoder import Decoder
from understudy.pocket.weights import Shape, Weights, read_card, read_weights


def written(file: Path, arrays: dict[str, Any], card: dict[str, Any] | None = None) -> Path:
    metadata = {"config": json.dumps(config()), "card": json.dumps(card or {})}
    write_safetensors(file, arrays, metadata)
    return file


def test_tensors_configuration_and_card_come_back(tmp_path: Path) -> None:
    arrays = tensors(config())
    weights = read_weights(written(tmp_path / "w", arrays, {"tokens": 7}))
    assert weights.shape == Shape.of(config())
    assert weights.card == read_card(tmp_path / "w") == {"tokens": 7}
    assert weights.parameters == sum(array.size for array in arrays.values())
    for name, array in arrays.items():
        assert np.array_equal(weights.tensors[name], array)


def test_half_precision_is_read_exactly(tmp_path: Path) -> None:
    halves = {k: v.astype(np.float16) for k, v in tensors(config()).items()}
    weights = read_weights(written(tmp_path / "w", halves))
    for name, array in halves.items():
        assert weights.tensors[name].dtype == np.float32
        assert np.array_equal(weights.tensors[name], array.astype(np.float32))


def test_eight_bits_are_scaled_row_by_row(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "w": np.array([[1, -2], [127, 0]], np.int8),
        "w.scale": np.array([0.5, 2.0], np.float16),
        "plain.scale": np.array([3.0], np.float32),
    }
    weights = read_weights(written(tmp_path / "w", arrays))
    assert weights.tensors["w"].tolist() == [[0.5, -1.0], [254.0, 0.0]]
    assert weights.tensors["plain.scale"].tolist() == [3.0]
    assert "w.scale" not in weights.tensors


def test_eight_bits_without_their_scale_are_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "w", {"w": np.ones((2, 2), np.int8)})
    with pytest.raises(ValueError, match=r"no w\.scale"):
        read_weights(file)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "w", {"w": np.ones(8, np.float32)})
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut off"):
        read_weights(file)


@pytest.mark.parametrize("data", [b"", b"short", b"\xff" * 64])
def test_a_file_of_another_kind_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(data)
    with pytest.raises(ValueError, match="expected a safetensors file"):
        read_weights(tmp_path / "w")


def test_a_kind_of_number_that_is_not_known_is_refused(tmp_path: Path) -> None:
    file = written(tmp_path / "w", {"w": np.ones(2, np.float64)})
    with pytest.raises(ValueError, match=r"w: expected one of F32, F16, I8, found F64"):
        read_weights(file)


def test_a_file_without_a_configuration_is_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "w", {"w": np.ones(2, np.float32)})
    with pytest.raises(ValueError, match="expected the configuration"):
        read_weights(tmp_path / "w")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tie_word_embeddings": False}, "output matrix is the embedding"),
        ({"rope_scaling": {"type": "linear"}}, "plain rotary positions"),
        ({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1.0}}, "plain rotary positions"),
    ],
)
def test_a_network_that_the_decoder_does_not_know_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Shape.of(config(**changes))


def test_both_places_of_the_rotary_base_are_read() -> None:
    newer = config(rope_parameters={"rope_type": "default", "rope_theta": 500.0})
    del newer["rope_theta"]
    assert Shape.of(newer).theta == 500.0
    assert Shape.of(config(rope_theta=7.0)).theta == 7.0


def test_a_tensor_of_another_size_is_refused(tmp_path: Path) -> None:
    arrays = tensors(config())
    arrays["model.norm.weight"] = np.ones(3, np.float32)
    with pytest.raises(ValueError, match=r"model\.norm\.weight of \(32,\), found \(3,\)"):
        Decoder(Weights(arrays, Shape.of(config()), {}))


def test_a_card_is_read_without_the_tensors(tmp_path: Path) -> None:
    file = folder(tmp_path, {"tokens": 1}) / "teacher.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    assert read_card(file) == {"tokens": 1}
