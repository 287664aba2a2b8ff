"""Airflow's DAGs, shipped in the package: point a DAG bundle at this folder (docs/airflow.md)."""
