"""What all tests share."""

import gc
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.thorough import examples

MOST_PROCESSES = 8  # that share the tests: more are no faster

# No example has a deadline, and none is too large: a busy machine is no failure. Under CI, hypothesis tries the same examples
# each time.
settings.register_profile(
    "tcpstates",
    parent=settings.default,
    deadline=None,
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("tcpstates")


# What is printed hangs on no terminal: pytest-xdist tells its processes how wide the one is that it runs in.
os.environ.pop("COLUMNS", None)

# What tests start as a process of its own is this checkout too, wherever it runs and whatever else is installed.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))

# A shell starts what it puts in the background with Ctrl-C ignored, and so would be what tests start, where they try Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Where Python may not keep what it has compiled, processes that tests start keep it for one another until the tests end."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        folder = tempfile.TemporaryDirectory(prefix="pycache-")
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name
        config.add_cleanup(folder.cleanup)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Spread the tests over the cores, where pytest-xdist is there and nobody says how many processes to take."""
    if "PYTEST_XDIST_WORKER" in os.environ:  # this is one of these processes, or was started by a test in one
        return
    if config.pluginmanager.hasplugin("xdist") and config.option.numprocesses is None:
        config.option.numprocesses, config.option.maxprocesses, config.option.dist = "auto", MOST_PROCESSES, "worksteal"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """As many as there are cores for all plain tests; none, but this process, where tests are named or marked, or gold files written."""
    named = config.args_source is pytest.Config.ArgsSource.ARGS
    marked = config.option.markexpr not in config.getini("addopts")
    return 0 if named or marked or config.getoption("--update-gold") else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Leave all that is imported and collected out of Python's searches for cyclic garbage: each would look through a million objects."""
    gc.disable()
    try:
        _begin_elsewhere(session)
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def _begin_elsewhere(session: pytest.Session) -> None:
    """Every other process of several begins with the last modules: pytest compiles each for itself, unless another one has done so."""
    if os.environ.get("PYTEST_XDIST_WORKER", "gw0")[-1] in "13579" and session.config.args in ([], ["tests"]):
        here = Path(__file__).parent
        modules = sorted(path.relative_to(here.parent) for path in here.rglob("test_*.py"))
        for path in reversed(modules[len(modules) // 3 :]):
            with suppress(Exception, pytest.skip.Exception):  # what is wrong is said when the tests of it are collected
                import_module(".".join(path.with_suffix("").parts))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Gold files are written anew with one command: `pytest -m 'not kernel' --update-gold`; read the diff before committing it."""
    parser.addoption("--update-gold", action="store_true", help="write the gold files from what is printed now")


GoldPart = Callable[[Path, str, list[str]], None]


@pytest.fixture
def gold_part(request: pytest.FixtureRequest) -> GoldPart:
    """Hold lines against the part of a gold file that has this name; `== NAME` begins a part."""

    def check(gold: Path, name: str, lines: list[str]) -> None:
        parts = _parts(gold)
        if request.config.getoption("--update-gold"):
            parts[name] = lines
            gold.write_text("".join(f"== {key}\n" + "".join(f"{line}\n" for line in parts[key]) for key in sorted(parts)), "utf-8")
        assert lines == parts.get(name, [])

    return check


def _parts(gold: Path) -> dict[str, list[str]]:
    parts: dict[str, list[str]] = {}
    for line in gold.read_text("utf-8").splitlines() if gold.exists() else ():
        if line.startswith("== "):
            lines = parts[line[3:]] = []
        else:
            lines.append(line)
    return parts


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """Where a server of S3 listens, on loopback."""
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    server = pytest.importorskip("moto.server", reason="moto is not installed").ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of an empty bucket there; the key to it is in the environment."""
    import s3fs

    for name, value in {
        "AWS_ENDPOINT_URL": s3_url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "hunter2",
        "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem(skip_instance_cache=True)
    system.mkdir("captures")
    yield "captures"
    system.rm("captures", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()
