"""The segments that experts named in 135 real cases of a ratio metric (stalling viewers), beside those found here."""

from __future__ import annotations

import io
import tarfile
import time
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd
import pytest
import yaml

from appanalytics.investigate import Ratios, calm_baseline, strongest

pytestmark = pytest.mark.real


def text_of(value: object) -> str:
    """2000 and 2000.0 are one value."""
    return str(value).removesuffix(".0")


def table_of(stream: IO[bytes], minute: int) -> Ratios:
    """One minute against the calm ones before it."""
    frame = pd.read_csv(stream, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    names = [name for name in frame.columns if name not in ("min", "value", "cnt")]
    at = frame["min"].astype(int)
    frame, at = frame[at <= minute], at[at <= minute].to_numpy()
    for name in names:
        frame[name] = frame[name].str.removesuffix(".0")
    cell = frame.groupby(names, sort=False).ngroup().to_numpy()
    minutes, row = np.unique(at, return_inverse=True)
    counts = np.zeros((2, len(minutes), cell.max() + 1))
    for kind, column in enumerate(("value", "cnt")):
        np.add.at(counts[kind], (row, cell), frame[column].astype(float).to_numpy())
    assert minutes[-1] == minute
    hits, seen = calm_baseline(*counts[:, :-1])
    cells = frame[names].iloc[np.unique(cell, return_index=True)[1]]
    columns = {name: cells[name].tolist() for name in names}
    return Ratios.of(columns, *counts[:, -1], baseline_numerator=hits, baseline_denominator=seen)


def test_experts_segments_are_found(real_data: Path) -> None:
    archive = real_data / "rootcause" / "robustspot.tar.gz"
    if not archive.exists():
        pytest.skip(f"no {archive}")
    ranks, seconds = [], 0.0
    with tarfile.open(archive) as files:
        texts = {Path(each.name).name: files.extractfile(each) for each in files.getmembers() if each.isfile()}
        for case in yaml.safe_load((texts["anomaly.yaml"] or io.BytesIO()).read()):
            table = table_of(texts[f"{case['data']}.csv"] or io.BytesIO(), case["timestamp"])
            causes = case["cause"] if isinstance(case["cause"], list) else [case["cause"]]
            truth = {frozenset((name, text_of(value)) for name, value in cause.items()) for cause in causes}
            started = time.process_time()
            ranked = strongest(table)
            seconds += time.process_time() - started
            sets = [{frozenset((n, str(v)) for n, v in where) for where in each.segments} for each in ranked]
            ranks.append(sets.index(truth) + 1 if truth in sets else 99)
    found = np.array(ranks)
    assert len(found) == 135
    assert np.mean(found == 1) >= 0.8
    assert np.mean(found <= 5) >= 0.95
    assert seconds / len(found) < 0.1
