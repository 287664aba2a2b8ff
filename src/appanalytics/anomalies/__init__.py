"""Anomalies: detectors that judge many series at once, bin by bin, and the replay of plain files."""

from appanalytics.anomalies.detector import Detector, Tick, Verdict, make_detector, methods, register
from appanalytics.anomalies.experts import Experts
from appanalytics.anomalies.file import Replay, replay_file
from appanalytics.anomalies.plain import Original, RollingZ, SeasonalNaive
from appanalytics.anomalies.seasonal import Seasonal

for _name, _maker in {
    "seasonal": Seasonal,
    "experts": Experts,
    "original": Original,
    "rolling_z": RollingZ,
    "seasonal_naive": SeasonalNaive,
}.items():
    register(_name, _maker)

__all__ = [
    "Detector", "Experts", "Original", "Replay", "RollingZ", "Seasonal", "SeasonalNaive", "Tick", "Verdict",
    "make_detector", "methods", "register", "replay_file",
]  # fmt: skip
