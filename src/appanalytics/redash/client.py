"""Redash's REST API, as far as we need it; every failure is one line."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx

from appanalytics.errors import AccessDenied, AppAnalyticsError, WarehouseUnavailable

_PAGE = 100
_FINISHED, _FAILED = 3, 4


class Redash:
    """A Redash at a URL, asked with the API key of a user who may administer data sources."""

    def __init__(self, url: str, key: str, *, timeout: float = 30) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=f"{self.url}/api/",
            headers={"Authorization": f"Key {key}"},
            timeout=timeout,
            follow_redirects=False,
        )

    def __enter__(self) -> Redash:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **params: Any) -> Any:
        """The answer of a GET."""
        return self._asked("GET", path, params=params)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer of a POST."""
        return self._asked("POST", path, json=body)

    def delete(self, path: str) -> None:
        """Delete (or archive) something."""
        self._asked("DELETE", path)

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """All results of a list, page by page."""
        page, seen = 1, 0
        while True:
            found = self.get(path, page=page, page_size=_PAGE, **params)
            yield from found["results"]
            seen += len(found["results"])
            if seen >= found["count"] or not found["results"]:
                return
            page += 1

    def run(self, query: int, seconds: float = 60) -> int:
        """Run a saved query now and wait; returns the number of rows. `AppAnalyticsError` has its complaint."""
        answer = self.post(f"queries/{query}/results", {"max_age": 0})
        end = time.monotonic() + seconds
        while "job" in answer:
            job = answer["job"]
            if job["status"] == _FAILED:
                raise AppAnalyticsError(f"Redash cannot run query {query}: {' '.join(job['error'].split())[:300]}")
            if job["status"] == _FINISHED:
                answer = self.get(f"query_results/{job['query_result_id']}")
                break
            if time.monotonic() > end:
                raise AppAnalyticsError(f"Redash did not finish query {query} in {seconds:.0f} s")
            time.sleep(0.2)
            answer = self.get(f"jobs/{job['id']}")
        return len(answer["query_result"]["data"]["rows"])

    def _asked(self, method: str, path: str, **given: Any) -> Any:
        try:
            reply = self._http.request(method, path, **given)
        except httpx.HTTPError as error:
            raise WarehouseUnavailable(
                f"no Redash answers at {self.url}: {type(error).__name__}", hint="setting redash.url"
            ) from None
        # Redash sends people without a key to its login page.
        if reply.status_code in (401, 403) or reply.is_redirect:
            raise AccessDenied(f"Redash at {self.url} refuses the key", hint="an admin's API key: setting redash.key")
        if reply.is_error:
            said = " ".join(reply.text.split())[:300]
            raise AppAnalyticsError(f"Redash refused {method} {path}: {reply.status_code} {said}")
        if not reply.content or reply.status_code == 204:
            return None
        try:
            return reply.json()
        except ValueError:
            raise AppAnalyticsError(f"{self.url} does not answer as Redash does", hint="setting redash.url") from None
