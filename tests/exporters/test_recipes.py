import pytest

from exporters.recipes import SHIPPED, slug


@pytest.mark.parametrize(
    ("phrase", "name"),
    [("Smart Mirror", "smart_mirror"), ("  Hey, O'Neil! ", "hey_o_neil"), ("!?", "detector")],
)
def test_slug(phrase: str, name: str) -> None:
    assert slug(phrase) == name


def test_names_are_file_suffixes_and_int8_comes_first() -> None:
    assert list(SHIPPED) == ["int8.tflite", "int8.onnx", "fp16.tflite", "tflite", "onnx"]
