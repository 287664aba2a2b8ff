"""The collector's journal: what is on disk is read again, whole records only, a segment at a time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from appanalytics.server.collector.journal import Flush, Journal, Part, read_segment


def flush(number: int, events: int = 3) -> Flush:
    return Flush((Part("t", ("a",), bytes([number]) * 100),), (date(2026, 11, number),), 1, events)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    opened = Journal(tmp_path / "journal")
    opened.open()
    return opened


def test_a_segment_is_taken_with_what_it_has_and_gets_no_more(journal: Journal) -> None:
    assert journal.take() is None
    for number in (1, 2):
        journal.append(flush(number))
    taken = journal.take()
    journal.append(flush(3))
    assert taken is not None
    assert (taken.flushes, taken.events) == ([flush(1), flush(2)], 6)
    found = [read_segment(path) for path in journal.left()]
    assert [each.flushes for each in found] == [[flush(1), flush(2)], [flush(3)]]
    assert found[0].token == taken.token != found[1].token
    assert found[0].days == {date(2026, 11, 1), date(2026, 11, 2)}


def test_a_full_segment_is_followed_by_another(journal: Journal) -> None:
    for number in (1, 2, 3):
        journal.append(flush(number, events=200_000))
    taken = [journal.take(), journal.take(), journal.take()]
    assert [each and each.events for each in taken] == [400_000, 200_000, None]


def test_what_a_crash_tore_is_left_out(journal: Journal) -> None:
    for number in (1, 2):
        journal.append(flush(number))
    (path,) = journal.left()
    whole = path.read_bytes()
    for cut in (1, 50, 140):
        path.write_bytes(whole[:-cut])
        assert read_segment(path).flushes == [flush(1)], cut
    path.write_bytes(whole[:-1] + b"?")
    assert read_segment(path).flushes == [flush(1)]
    path.write_bytes(whole[:7])
    assert read_segment(path).flushes == []


def test_what_is_stored_is_known_by_its_name_and_an_empty_segment_goes(journal: Journal) -> None:
    journal.append(flush(1))
    taken = journal.take()
    assert taken is not None
    taken.stored()
    assert [path.suffix for path in journal.left()] == [".stored", ".journal"]
    journal.close()
    assert [path.suffix for path in journal.left()] == [".stored"]
    again = Journal(journal.folder)
    again.open()
    assert [path.stem for path in again.left()] == ["000000000001", "000000000002"]


def test_another_file_is_no_journal(tmp_path: Path) -> None:
    other = tmp_path / "000000000001.journal"
    other.write_bytes(b"something else that is long enough")
    with pytest.raises(ValueError, match="no journal of this version"):
        read_segment(other)
