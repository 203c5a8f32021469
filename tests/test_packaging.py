"""What is built from a checkout: nothing missing, nothing stale, and a form for machines with and without a compiler."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_SHIPPED = (".git", ".venv", "build", "dist", "__pycache__", "*.egg-info", ".*_cache", ".hypothesis", "*.so", "*.c")
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source archive, taken apart."""
    pytest.importorskip("Cython", reason="nothing to build with")
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "checkout", ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    name = built(folder / "checkout", "build_sdist", folder).stdout.splitlines()[-1]
    shutil.unpack_archive(folder / name, folder)
    return folder / name.removesuffix(".tar.gz")


def built(source: Path, what: str, into: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call the build backend in a folder. The environment has no compiler and asks for no form of its own."""
    tools = into / "tools"
    tools.mkdir(exist_ok=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("TCPTRACE_PY_")}
    return subprocess.run(
        [sys.executable, "-c", BUILD, what, str(into)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        env={**env, "PATH": str(tools), "CC": "no-such-compiler", **environment},
    )


def test_wheels_are_tested_with_what_there_is() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["cibuildwheel"]
    copied = settings["test-sources"]
    named = [word for command in settings["test-command"] for word in command.split() if word.startswith(("tests/", "samples/"))]
    assert len(named) > 5
    assert [path for path in (*copied, *named) if not (ROOT / path).exists()] == []
    assert {path.partition("/")[0] for path in named} <= set(copied)
    assert "tcptrace_py" not in copied, "the package beside the tests would be tested instead of the wheel"


def test_source_archive_is_the_checkout(archive: Path) -> None:
    there = {path.relative_to(archive) for path in archive.rglob("*") if path.is_file()}
    wanted = {
        path.relative_to(ROOT)
        for folder in ("tcptrace_py", "tests", "samples", "docs", ".ci", ".github")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not any(path.match(f"{kind}/*") or path.match(kind) for kind in NOT_SHIPPED)
    }
    assert wanted - there == set()
    assert {Path("README.md"), Path("LICENSE"), Path("CHANGELOG.md"), Path("pyproject.toml")} <= there
    assert not [path for path in there if path.suffix in (".so", ".pyd", ".c", ".pyc")]


def test_without_a_compiler_the_wheel_is_interpreted_and_whole_or_an_error(archive: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(archive, source)
    package = {
        path.relative_to(source).as_posix()
        for path in (source / "tcptrace_py").rglob("*")
        if path.suffix in (".py", ".pxd", ".json", ".typed")
    }
    for _ in range(2):
        result = built(source, "build_wheel", tmp_path)
        assert result.returncode == 0, result.stderr
        notices = [line for line in result.stderr.splitlines() if line.startswith("tcptrace-py: ")]
        assert len(notices) == 1
        assert "interpreted form" in notices[0]
        with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
            names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        assert names == package
        gathered = next(source.glob("build/lib*/tcptrace_py"))  # the second time with what an older version left
        (gathered / "outputs" / "formats" / "gone.py").touch()
        (gathered / f"pipeline{EXTENSION_SUFFIXES[0]}").touch()
    for path in tmp_path.glob("*.whl"):
        path.unlink()
    result = built(source, "build_wheel", tmp_path, TCPTRACE_PY_REQUIRE_COMPILED="1")  # what Cython wrote is there now
    assert result.returncode != 0
    assert "no-such-compiler" in result.stderr
    assert not list(tmp_path.glob("*.whl"))
