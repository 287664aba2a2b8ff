"""Load real files into the event tables: CSV, TSV, blank-separated text, JSON lines and Parquet, gzipped or not."""

from appanalytics.warehouse.load.load import ChunkSize, load_files
from appanalytics.warehouse.load.mapping import ColumnMapping, Mapping, parse_mapping, read_mapping
from appanalytics.warehouse.load.report import FileReport, LoadReport
from appanalytics.warehouse.load.target import TargetTable, read_target

__all__ = [
    "ChunkSize",
    "ColumnMapping",
    "FileReport",
    "LoadReport",
    "Mapping",
    "TargetTable",
    "load_files",
    "parse_mapping",
    "read_mapping",
    "read_target",
]
