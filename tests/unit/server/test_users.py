"""Passwords, limits, the users' file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appanalytics.errors import SettingsError
from appanalytics.server.passwords import hashed, matches
from appanalytics.server.users import THREADS, User, Users, ensure_user, make_users, read_users, renew_password


def test_first_users(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    passwords = make_users(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert not any(password in file.read_text() for password in passwords.values())
    users = Users(read_users(file))
    assert users.without_password() == []
    reader = users.find("reader", passwords["reader"])
    assert reader is not None
    assert reader.reads_only
    assert reader.limits() == {
        "max_execution_time": 60,
        "max_memory_usage": 2 << 30,
        "max_rows_to_read": 10_000_000_000,
        "max_result_rows": 50_000_000,
        **dict.fromkeys(THREADS, os.cpu_count()),
    }
    assert User(role="reader", max_threads=1).limits()["max_threads"] == 1
    assert User(role="writer").limits() == {}
    assert users.find("reader", passwords["admin"]) is None
    assert users.find("reader", "") is None
    assert users.find("nobody", "x") is None
    assert users.find("reader", passwords["reader"]) == reader  # the second time without scrypt


def test_a_new_password_changes_that_user_alone(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    old = make_users(file)
    new = renew_password(file, "writer")
    users = Users(read_users(file))
    assert users.find("writer", new)
    assert not users.find("writer", old["writer"])
    assert users.find("admin", old["admin"])
    assert users.find("reader", old["reader"])
    with pytest.raises(SettingsError, match="has no user 'raeder'"):
        renew_password(file, "raeder")


def test_a_user_of_another_program_is_added_once_and_kept_in_step(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    old = make_users(file)
    assert ensure_user(file, "superset", User(role="reader", max_queries=9), "first")
    assert not ensure_user(file, "superset", User(role="reader"), "first")
    assert ensure_user(file, "superset", User(role="reader"), "second")
    users = Users(read_users(file))
    found = users.find("superset", "second")
    assert found is not None
    assert (found.role, found.max_queries) == ("reader", 9)  # a new password changes no limit
    assert not users.find("superset", "first")
    assert users.find("admin", old["admin"])


def test_hashes_are_salted() -> None:
    assert hashed("ünï") != hashed("ünï")
    assert matches("ünï", hashed("ünï"))
    assert not matches("x", "scrypt$zz$zz")
    assert not matches("x", "x")
    assert not matches("", "")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[Ann]\nrole = "reader"', "'Ann' is not a user's name"),
        ('[ann]\nrole = "boss"', "ann.role"),
        ('[ann]\nrole = "reader"\nmax_second = 1', "ann.max_second"),
        ("[ann", "cannot read the passwords"),
    ],
)
def test_mistakes_in_the_file(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "users.toml"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match=said):
        read_users(file)


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    file.write_text("")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="others can read it"):
        read_users(file)


def test_a_user_without_a_password_takes_none() -> None:
    users = Users({"ann": User(role="reader")})
    assert users.find("ann", "")
    assert users.find("ann", "x") is None


def test_rows_are_for_readers(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    file.write_text('[ann]\nrole = "writer"\n[ann.rows]\nvisits = "1"\n')
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="for readers alone"):
        read_users(file)
