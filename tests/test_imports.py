"""The direction of the arrows: who may import whom, checked in every file."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("db", "exporters", "page", "streamlit_app", "trainer", "watchword", "watchword_runtime")

MAY_IMPORT = {
    "runtime/watchword_runtime": ("watchword_runtime",),
    "db": ("db",),
    "trainer": ("trainer", "db", "watchword_runtime"),
    "exporters": ("exporters", "trainer.model", "watchword_runtime"),
    "page": ("page", "db", "watchword_runtime"),
    "streamlit_app.py": ("page", "db", "watchword_runtime.manifest"),
    "watchword": OURS,
}
ALONE = ("trainer/model.py",)


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] in OURS}


def fits(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(one + ".") for one in allowed)


def files():
    for place, allowed in MAY_IMPORT.items():
        path = ROOT / place
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            yield pytest.param(file, allowed, id=str(file.relative_to(ROOT)))


@pytest.mark.parametrize(("file", "allowed"), files())
def test_file_imports_only_what_its_place_allows(file, allowed):
    if str(file.relative_to(ROOT)) in ALONE:
        allowed = ()
    wrong = {name for name in imports(file.read_text("utf-8")) if not fits(name, allowed)}
    assert not wrong, f"{file} imports {wrong}"


def test_the_rule_sees_a_breach():
    assert imports("from trainer.dataset import Dataset") == {"trainer.dataset.Dataset"}
    assert not fits("trainer.dataset.Dataset", MAY_IMPORT["exporters"])
