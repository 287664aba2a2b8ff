"""Settings: layers, origins, secrets and mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appanalytics.errors import SettingsError
from appanalytics.settings import Settings, load_settings, names, template, variable


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "appanalytics.toml"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def test_later_layers_win_and_each_value_knows_its_origin(tmp_path: Path) -> None:
    file = write(tmp_path, '[reporting]\ntimezone = "Europe/Moscow"\nlocale = "ru"\n')
    loaded = load_settings(
        environ={"APPANALYTICS_REPORTING__LOCALE": "en"},
        overrides={"warehouse.url": "chdb://memory"},
        folder=tmp_path,
    )
    rows = {name: (value, origin) for name, value, origin in loaded.rows()}
    assert rows["reporting.timezone"] == ("Europe/Moscow", str(file))
    assert rows["reporting.locale"] == ("en", "APPANALYTICS_REPORTING__LOCALE")
    assert rows["warehouse.url"] == ("chdb://memory", "--warehouse")
    assert rows["telegram.base_url"][1] == "default"


def test_relative_folders_start_where_the_file_is(tmp_path: Path) -> None:
    write(tmp_path, '[warehouse]\nurl = "chdb://./here"\n')
    loaded = load_settings(tmp_path / "appanalytics.toml", environ={})
    assert loaded.warehouse().path == (tmp_path / "here").resolve()


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    environ = {
        "APPANALYTICS_TELEGRAM__TOKEN": "123:abc",
        "APPANALYTICS_WAREHOUSE__URL": "http://me:hunter2@localhost:8123/db",
    }
    loaded = load_settings(environ=environ, folder=tmp_path)
    shown = str(list(loaded.rows())) + repr(loaded)
    assert "123:abc" not in shown
    assert "hunter2" not in str(list(loaded.rows()))
    assert "http://me:****@localhost:8123/db" in str(list(loaded.rows()))
    assert "hunter2" not in str(loaded.warehouse())


def test_a_secret_in_a_file_that_others_can_read(tmp_path: Path) -> None:
    write(tmp_path, '[telegram]\ntoken = "123:abc"\n', mode=0o644)
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={}, folder=tmp_path)
    assert "chmod 600" in str(caught.value)
    assert "123:abc" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[reporting]\ntimezon = 'UTC'", "did you mean reporting.timezone?"),
        ("[reporting]\ntimezone = 'Mars/Olympus'", "unknown time zone"),
        ("[reporting]\nlocale = 'de'", "reporting.locale"),
        ("[warehouse\n", "cannot read the settings file"),
        ("locale = 'en'", "is not a section"),
        ("[nonsense]\na = 1", "unknown setting 'nonsense.a'"),
    ],
)
def test_mistakes_in_a_file(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={}, folder=tmp_path)
    assert said in str(caught.value)


def test_mistakes_in_the_environment(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ={"APPANALYTICS_REPORTING__LOCAL": "en"}, folder=tmp_path)
    assert "APPANALYTICS_REPORTING__LOCAL" in str(caught.value)
    assert "did you mean reporting.locale?" in str(caught.value)
    with pytest.raises(SettingsError, match="there is no settings file"):
        load_settings(environ={"APPANALYTICS_CONFIG": str(tmp_path / "no.toml")}, folder=tmp_path)


def test_the_template_is_a_settings_file(tmp_path: Path) -> None:
    text = template({"reporting.timezone": "Europe/Moscow", "warehouse.url": 'chdb:///a "b"'})
    assert tomllib.loads(text)["warehouse"]["url"] == 'chdb:///a "b"'
    uncommented = "\n".join(
        line.removeprefix("# ") if " = " in line and "=" in line[:20] else line for line in text.splitlines()
    )
    for name in names():
        assert name.split(".")[1] in uncommented
    write(tmp_path, text)
    assert load_settings(environ={}, folder=tmp_path).settings.reporting.timezone == "Europe/Moscow"


def test_names_and_variables() -> None:
    assert variable("reporting.timezone") == "APPANALYTICS_REPORTING__TIMEZONE"
    assert Settings().warehouse.url.startswith("chdb://")


def test_a_password_in_the_address_is_not_in_the_repr() -> None:
    given = Settings.model_validate({"warehouse": {"url": "http://reader:hidden@host:8123/db"}})
    assert given.warehouse.url.endswith("@host:8123/db")
    assert "hidden" not in repr(given) + str(given)
