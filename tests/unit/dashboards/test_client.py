"""What goes wrong with a Superset is one clear line each. A small HTTP server answers as Superset does."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.superset.part import check_port
from appanalytics.errors import AccessDenied, DashboardError, SettingsError

LOGIN = {
    "/api/v1/security/login": (200, {"access_token": "t"}),
    "/api/v1/security/csrf_token/": (200, {"result": "c"}),
}


@contextmanager
def answering(answers: Mapping[str, tuple[int, object]]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answers.get(self.path, (404, {"message": "Not found"}))
            if self.headers.get("Authorization") == "Bearer old":
                status, body = 401, {"msg": "Token has expired"}
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_right_version_is_taken() -> None:
    with answering(LOGIN | {"/version": (200, {"version_string": "6.1.2"})}) as url, Superset(url, "admin", "x"):
        pass


@pytest.mark.parametrize(
    "version", [(200, {"version_string": "5.0.0"}), (200, {"version_string": "6.10.0"}), (404, {})]
)
def test_another_version_is_told(version: tuple[int, object]) -> None:
    with (
        answering(LOGIN | {"/version": version}) as url,
        pytest.raises(DashboardError, match=r"is of the version .*, not 6\.1"),
    ):
        Superset(url, "admin", "x")


def test_a_wrong_password_is_told() -> None:
    refused = {"/api/v1/security/login": (401, {"message": "Not authorized"})}
    with answering(refused) as url, pytest.raises(AccessDenied, match="refused the user 'admin' or the password"):
        Superset(url, "admin", "x")


def test_a_session_that_is_over_is_begun_again() -> None:
    roles = {"/api/v1/security/roles/": (200, {"result": ["reader"]})}
    known = LOGIN | {"/version": (200, {"version_string": "6.1.2"})} | roles
    with answering(known) as url, Superset(url, "admin", "x") as superset:
        superset._http.headers["Authorization"] = "Bearer old"
        assert superset.get("/api/v1/security/roles/", "list its roles") == {"result": ["reader"]}
        assert superset._http.headers["Authorization"] == "Bearer t"


def test_what_stays_refused_is_told() -> None:
    known = LOGIN | {"/version": (200, {"version_string": "6.1.2"}), "/api/v1/x": (401, {"message": "Not yours"})}
    with (
        answering(known) as url,
        Superset(url, "admin", "x") as superset,
        pytest.raises(DashboardError, match="could not look: Not yours"),
    ):
        superset.get("/api/v1/x", "look")


def test_another_program_is_told() -> None:
    with (
        answering({"/api/v1/security/login": (200, {"hello": 1})}) as url,
        pytest.raises(DashboardError, match="is not Superset"),
    ):
        Superset(url, "admin", "x")


def test_nobody_there_and_a_port_in_use_are_told() -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(DashboardError, match=f"does not answer at http://127.0.0.1:{port}"):
            Superset(f"http://127.0.0.1:{port}", "admin", "x")
        taken.listen()
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}"):
            check_port("127.0.0.1", port)
