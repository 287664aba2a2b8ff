"""Superset's REST API, as far as dashboards need it. One session, one clear line for each failure."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from types import TracebackType
from typing import Any

import httpx
import yaml

from appanalytics.dashboards.bundle import Bundle, Connection, kind_of
from appanalytics.dashboards.names import DATABASE, uuid_of
from appanalytics.dashboards.superset.setup import VERSION
from appanalytics.errors import AccessDenied, DashboardError

#: Kinds of objects and their place in the API.
RESOURCES = {
    "dashboard": "dashboard",
    "chart": "chart",
    "dataset": "dataset",
    "query": "saved_query",
    "database": "database",
}
_PAGE = 100


class Superset:
    """A session with a running Superset. Use it as a context manager."""

    def __init__(self, url: str, user: str, password: str, *, timeout: float = 120) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(base_url=self.url, timeout=timeout, follow_redirects=True, trust_env=False)
        self._user, self._password = user, password
        try:
            self._log_in()
            self._check_version()
        except BaseException:
            self._http.close()
            raise

    def _log_in(self) -> None:
        given = {"username": self._user, "password": self._password, "provider": "db", "refresh": False}
        self._http.headers.pop("Authorization", None)
        response = self._request("POST", "/api/v1/security/login", json=given)
        if response.status_code == 401:
            hint = "the settings superset.user and superset.password"
            raise AccessDenied(f"Superset at {self.url} refused the user {self._user!r} or the password", hint=hint)
        token = self._json(response, "log in").get("access_token")
        if not token:
            raise self._not_superset()
        self._http.headers["Authorization"] = f"Bearer {token}"
        csrf = self._json(self._request("GET", "/api/v1/security/csrf_token/"), "begin a session")["result"]
        self._http.headers.update({"X-CSRFToken": csrf, "Referer": self.url})

    def _check_version(self) -> None:
        """Bundles are written for one minor version; another's importer would refuse them, or worse, take them."""
        response = self._send("GET", "/version")
        told = self._json(response, "tell its version").get("version_string") if response.status_code == 200 else None
        wanted = VERSION.rpartition(".")[0]
        if told is None or not str(told).startswith(f"{wanted}."):
            raise DashboardError(
                f"Superset at {self.url} is of the version {told or 'before 6'}, not {wanted}",
                hint=f"the dashboards are written for Superset {VERSION}: make superset-venv",
            )

    def _not_superset(self) -> DashboardError:
        return DashboardError(f"what answers at {self.url} is not Superset", hint="the setting superset.url")

    def _send(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Ask; where the session is over (after a quarter of an hour), begin another and ask again."""
        response = self._request(method, path, **more)
        if response.status_code == 401:
            self._log_in()
            response = self._request(method, path, **more)
        return response

    def _request(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            text = str(error) or type(error).__name__
            raise DashboardError(
                f"Superset does not answer at {self.url}: {text}", hint="is it running? appanalytics dashboards serve"
            ) from None

    def _json(self, response: httpx.Response, doing: str) -> Any:
        if response.status_code >= 400:
            raise DashboardError(f"Superset could not {doing}: {_reason(response)}")
        try:
            return response.json()
        except ValueError:
            raise self._not_superset() from None

    def get(self, path: str, doing: str, **query: Any) -> Any:
        """An answer of the API as JSON."""
        return self._json(self._send("GET", path, params=query), doing)

    def post(self, path: str, body: Any, doing: str) -> Any:
        """The answer to a body of JSON."""
        return self._json(self._send("POST", path, json=body), doing)

    def listed(self, kind: str) -> list[dict[str, Any]]:
        """All objects of a kind: id, uuid, and the text in which ours are marked."""
        text = {"dashboard": "certification_details", "chart": "certification_details"}.get(kind, "description")
        columns = ["id", "uuid", *([text] if kind != "database" else [])]
        found: list[dict[str, Any]] = []
        while True:
            question = f"(columns:!({','.join(columns)}),page:{len(found) // _PAGE},page_size:{_PAGE})"
            page = self.get(f"/api/v1/{RESOURCES[kind]}/", f"list its {kind}s", q=question)["result"]
            found += [{**each, "uuid": _uuid(kind, each, text), "mark": each.get(text)} for each in page]
            if len(page) < _PAGE:
                return found

    def exported(self, kind: str, ids: Iterable[int]) -> dict[tuple[str, str], dict[str, Any]]:
        """Objects as Superset exports them, by kind and UUID; also those that they use."""
        numbers = ",".join(map(str, ids))
        if not numbers:
            return {}
        response = self._send("GET", f"/api/v1/{RESOURCES[kind]}/export/", params={"q": f"!({numbers})"})
        if response.status_code >= 400:
            raise DashboardError(f"Superset could not export: {_reason(response)}")
        found = {}
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            for name in archive.namelist():
                content = yaml.safe_load(archive.read(name))
                folder = name.split("/")[1]
                if isinstance(content, dict) and "uuid" in content:
                    found[kind_of(folder), str(content["uuid"])] = content
        return found

    def load(self, bundle: Bundle, connection: Connection) -> None:
        """Import a bundle: what is there with the same UUIDs becomes what the bundle says."""
        passwords = {f"databases/{DATABASE}.yaml": connection.password}
        response = self._send(
            "POST",
            "/api/v1/assets/import/",
            files={"bundle": ("appanalytics.zip", bundle.zipped(), "application/zip")},
            data={"passwords": json.dumps(passwords)},
        )
        if response.status_code >= 400:
            raise DashboardError(f"Superset refused the dashboards: {_reason(response)}")

    def delete(self, kind: str, number: int) -> None:
        """Delete one object; one that is gone already is fine."""
        response = self._send("DELETE", f"/api/v1/{RESOURCES[kind]}/{number}")
        if response.status_code >= 400 and response.status_code != 404:
            raise DashboardError(f"Superset could not delete the {kind} {number}: {_reason(response)}")

    def chart_data(self, number: int) -> list[dict[str, Any]]:
        """The answers of a chart's stored query, past the cache; raises `DashboardError` with the engine's error."""
        answer = self.get(f"/api/v1/chart/{number}/data/", f"draw the chart {number}", force="true")
        return list(answer["result"])

    def ask(self, context: dict[str, Any]) -> list[dict[str, Any]]:
        """The answers of a query context."""
        return list(self.post("/api/v1/chart/data", context, "answer a chart's question")["result"])

    def close(self) -> None:
        """End the session."""
        self._http.close()

    def __enter__(self) -> Superset:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _uuid(kind: str, each: dict[str, Any], text: str) -> str:
    """Superset lists saved queries without their UUID; that of ours follows from their mark."""
    return str(each["uuid"]) if "uuid" in each else uuid_of(kind, str(each.get(text) or "").rpartition("spec:")[2])


def _reason(response: httpx.Response) -> str:
    """What Superset says, in one line."""
    try:
        said = response.json()
    except ValueError:
        return f"HTTP {response.status_code}"
    found: list[str] = []
    _texts(said.get("errors") or said.get("message") or said, found)
    return " ".join(" ".join(found).split())[:400] or f"HTTP {response.status_code}"


def _texts(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        if value not in found:
            found.append(value)
    elif isinstance(value, dict):
        if "issue_codes" in value:
            value = {name: each for name, each in value.items() if name != "issue_codes"}
        for name, each in value.items():
            if name in ("error_type", "level"):
                continue
            if name not in ("message", "extra", "errors"):
                found.append(f"{name}:")
            _texts(each, found)
    elif isinstance(value, list):
        for each in value:
            _texts(each, found)
