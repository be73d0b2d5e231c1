"""Settings: said once, read from flags, environment and omote.toml, and told apart when wrong."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import make_settings
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from omote_filters.words import Appearance
from omote_models.store import VARIABLES
from omote_server.bench.local import local_server
from omote_server.cli import app
from omote_server.serving.configuration import ConfigurationError, gather
from omote_server.serving.described import SETTINGS
from omote_server.serving.settings import Settings

run = CliRunner()
ROOT = Path(__file__).parents[2]


def told(environment: dict[str, str] | None = None, file: Path | None = None) -> str:
    """What is said of a configuration that cannot be used."""
    with pytest.raises(ConfigurationError) as caught:
        gather({}, environment, file).settings()
    return str(caught.value)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    return tmp_path / "omote.toml"


def test_flags_beat_the_environment_which_beats_the_file(toml: Path) -> None:
    toml.write_text('port = 7001\nworkers = 3\nlog_level = "error"\n')
    flags = {"log_level": "debug", "port": None}
    made = gather(flags, {"OMOTE_PORT": "7002"}, toml).settings()
    assert (made.workers, made.port, made.log_level) == (3, 7002, "debug")


def test_settings_themselves_read_nothing(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toml.write_text("port = 7001\n")
    monkeypatch.chdir(toml.parent)
    monkeypatch.setenv("OMOTE_WORKERS", "77")
    assert Settings().port == 8560
    assert Settings().workers != 77


@pytest.mark.parametrize("text", ["{a}{sep}{b}", '["{a}", "{b}"]', "{sep}{a}{sep}{b}{sep}"])
def test_packs_in_the_environment_are_paths_or_json(text: str, tmp_path: Path) -> None:
    paths = (tmp_path / "a", tmp_path / "b c")
    for path in paths:
        path.mkdir()
    written = text.format(a=paths[0], b=paths[1], sep=os.pathsep)
    assert gather({}, {"OMOTE_PACKS": written}).settings().packs == paths


def test_words_in_the_environment_stand_with_commas() -> None:
    made = gather({}, {"OMOTE_NOT_FOR_MINORS": "makeup, novelty"}).settings()
    assert made.not_for_minors == (Appearance.MAKEUP, Appearance.NOVELTY)


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OMOTE_PROT", "1", "OMOTE_PROT: there is no such setting; did you mean OMOTE_PORT?"),
        ("OMOTE_CASHE", "1", "did you mean OMOTE_CACHE?"),
        ("OMOTE_PORT", "99999", "OMOTE_PORT=99999: input should be less than or equal to 65535"),
        ("OMOTE_PORT", "", "OMOTE_PORT=: input should be a valid integer"),
        ("OMOTE_PACKS", "/no/such", "OMOTE_PACKS=/no/such: /no/such does not exist"),
        ("OMOTE_PACKS", '["/tmp"', "no JSON list"),
        ("OMOTE_PACKS", "[" * 100_000, "no JSON list"),
        ("OMOTE_LOG_LEVEL", "loud", "OMOTE_LOG_LEVEL=loud: input should be 'debug'"),
        ("OMOTE_NOT_FOR_MINORS", "anonymise", "not_for_minors: OMOTE_NOT_FOR_MINORS"),
        ("OMOTE_GRACE_SECONDS", "nan", "OMOTE_GRACE_SECONDS=nan: input should be a finite number"),
        ("OMOTE_TOKEN", "", "OMOTE_TOKEN: is empty"),
    ],
)
def test_what_is_wrong_in_the_environment_is_named(variable: str, value: str, words: str) -> None:
    assert words in told({variable: value})


def test_an_empty_token_is_no_token() -> None:
    # It passed for one: a server that demands a token let everybody in.
    environment = {"OMOTE_HOST": "0.0.0.0", "OMOTE_INSECURE": "yes", "OMOTE_TOKEN": ""}
    assert "OMOTE_TOKEN" in told(environment)


def test_what_is_no_setting_of_ours_is_left_alone() -> None:
    environment = {**dict.fromkeys(VARIABLES, "7"), "PORT": "x", "OMOTEST": "1"}
    # Kubernetes sets these beside a service of that name.
    environment |= {"OMOTE_PORT": "tcp://10.0.0.1:8560", "OMOTE_SERVICE_HOST": "10.0.0.1"}
    environment |= {"OMOTE_PORT_8560_TCP_ADDR": "10.0.0.1", "OMOTE_SERVICE_PORT_GRPC": "8560"}
    assert gather({}, environment).settings() == Settings()


def test_every_variable_that_a_page_or_a_message_names_is_known() -> None:
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md")]
    code = [path for room in ("models", "server") for path in ROOT.glob(f"{room}/**/*.py")]
    texts = [path.read_text(encoding="utf-8") for path in (*pages, *code)]
    named = {name for text in texts for name in re.findall(r"\bOMOTE_[A-Z_]+[A-Z]\b", text)}
    assert "OMOTE_PULL_SECONDS" in named
    assert named <= {setting.variable for setting in SETTINGS.values()} | VARIABLES.keys()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# ours\nprot = 1\n", "line 2: there is no setting 'prot'; did you mean port?"),
        ("port = 1\n\n[limits]\nx = 1\n", "line 3: there is no setting 'limits'"),
        ("\n\nport = 99999\n", "line 3: port = 99999: input should be less than"),
        ("port = \n", "omote.toml cannot be read"),
        ('token = ""\n', "line 1, token: is empty"),
        ("token = 12345\n", "line 1, token: input should be a valid string"),
        ('host = "0.0.0.0"\ninsecure = true\n', "set a token (OMOTE_TOKEN) (host: "),
        ('tls_key = "/no/such"\n', "line 1: tls_key = /no/such: /no/such does not exist"),
        ("a = " + "[" * 100_000, "cannot be read"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text: str, words: str, toml: Path) -> None:
    toml.write_text(text)
    said = told(file=toml)
    assert words in said
    assert str(toml) in said
    assert "12345" not in said, "a secret is not repeated"


def test_everything_wrong_is_said_at_once(toml: Path) -> None:
    toml.write_text("prot = 1\nworkers = 0\n")
    said = told({"OMOTE_PRT": "1", "OMOTE_PORT": "x"}, toml)
    assert all(word in said for word in ("prot", "workers = 0", "OMOTE_PRT", "OMOTE_PORT=x"))


def test_a_file_that_is_no_text_is_named(toml: Path) -> None:
    toml.write_bytes(b"port = \xff")
    assert "cannot be read" in told(file=toml)


QUICK = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
HOSTILE = ["1", "-1", "1e999", "nan", "[", "[1]", "true", "x:y", "'a'", "1979-05-27", "{a = 1}"]
WORDS = st.text(max_size=40) | st.sampled_from(HOSTILE)
LINES = st.builds("{} = {}".format, st.sampled_from([*SETTINGS]), WORDS)


@QUICK
@given(values=st.dictionaries(st.sampled_from([*SETTINGS, "nonsense"]), WORDS, max_size=6))
def test_every_environment_gives_settings_or_says_what_is_wrong(values: dict[str, str]) -> None:
    environment = {f"OMOTE_{name.upper()}": value for name, value in values.items()}
    with suppress(ConfigurationError):
        gather({}, environment).settings()
    for name in SETTINGS:
        with suppress(ConfigurationError):
            gather({}, environment).one(name)


@QUICK
@given(text=st.text(max_size=200) | LINES)
def test_every_file_gives_settings_or_says_what_is_wrong(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "omote.toml"
        file.write_text(text, encoding="utf-8", errors="surrogatepass")
        with suppress(ConfigurationError):
            gather({}, {}, file).settings()


def test_a_path_that_cannot_be_looked_at_is_told() -> None:
    assert "cannot be looked at" in told({"OMOTE_PACKS": "x" * 5000})


def test_every_setting_has_a_flag_a_variable_and_a_row() -> None:
    page = make_settings.page()
    shown = run.invoke(app, ["serve", "--help"], env={"COLUMNS": "300"}).stdout
    for setting in SETTINGS.values():
        assert setting.variable in page
        assert setting.help in " ".join(page.split())
        assert bool(setting.flags) is (setting.name != "token")
        for flag in setting.flags:
            assert flag in page
            assert flag.partition("/")[0] in shown
    assert make_settings.PAGE.read_text(encoding="utf-8") == page, "run 'make settings'"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "99999"], "--port"),
        (["--idle-timeout-seconds", "0"], "--idle-timeout-seconds 0.0: input should be greater"),
        (["--packs", "/no/such"], "--packs /no/such: /no/such does not exist"),
        (["--log-level", "loud"], "--log-level"),
        (["--host", "0.0.0.0"], "--insecure"),
    ],
)
def test_a_wrong_flag_ends_the_start_with_code_2(arguments: list[str], words: str) -> None:
    done = run.invoke(app, ["serve", *arguments], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert words in done.stderr
    assert "Traceback" not in done.output


def test_a_wrong_variable_ends_a_command_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "omote_server", "filters", "list"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "OMOTE_PACKS": "/no/such"},
    )
    assert done.returncode == 2
    assert "OMOTE_PACKS=/no/such: /no/such does not exist" in done.stderr
    assert "Traceback" not in done.stderr


PACK = """\
id: house_look
name: House look
version: "1.0.0"
description: A look of this house.
layers:
  - filter: lipstick
"""


def test_filters_know_the_packs_of_the_configuration(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    pack = toml.parent / "mine" / "house_look"
    pack.mkdir(parents=True)
    (pack / "filter.yaml").write_text(PACK)
    assert run.invoke(app, ["filters", "show", "house_look"]).exit_code == 2
    by_flag = run.invoke(app, ["filters", "show", "house_look", "--packs", "mine"])
    assert "House look" in by_flag.stdout
    by_variable = run.invoke(app, ["filters", "list", "--json"], env={"OMOTE_PACKS": "mine"})
    assert "house_look" in by_variable.stdout
    toml.write_text('packs = ["mine"]\n')
    assert "House look" in run.invoke(app, ["filters", "show", "house_look"]).stdout
    assert run.invoke(app, ["filters", "validate", "mine/house_look"]).exit_code == 0


@pytest.mark.parametrize("text", ["packs = ", 'pakcs = ["mine"]'])
def test_filters_refuse_a_configuration_that_may_mean_other_packs(
    text: str, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(toml.parent)
    toml.write_text(text)
    done = run.invoke(app, ["filters", "list"])
    assert done.exit_code == 2
    assert "omote.toml" in done.stderr
    # Whoever names packs on the command line needs no configuration.
    assert run.invoke(app, ["filters", "show", "lipstick", "--packs", "."]).exit_code == 0


def test_demo_and_bench_start_a_server_that_no_file_or_variable_touches(
    toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toml.write_text('prot = 1\nhost = "0.0.0.0"\nestimator = "/no/such"\n')
    monkeypatch.chdir(toml.parent)
    monkeypatch.setenv("OMOTE_TOKEN", "open sesame")
    monkeypatch.setenv("OMOTE_WORKERS", "no number")
    with local_server("--log-level", "warning") as server:
        assert server.address.startswith("127.0.0.1:")
