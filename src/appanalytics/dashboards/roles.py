"""A role of Superset for people who look and change nothing."""

from __future__ import annotations

from typing import Any

from appanalytics.dashboards.client import Superset
from appanalytics.dashboards.names import DATABASE

#: People with this role see all dashboards of ours and may explore their data; they cannot change them.
READER = "AppAnalytics reader"
_BASE = "Gamma"
_PAGE = 100


def ensure_reader_role(superset: Superset) -> bool:
    """Give the role what Superset's Gamma may and access to our database; False when it was so already."""
    roles = {each["name"]: each["id"] for each in _all(superset, "roles")}
    if READER not in roles:
        made = superset.post("/api/v1/security/roles/", {"name": READER}, f"make the role {READER}")
        roles[READER] = made["id"]
    wanted = _permissions(superset, roles[_BASE]) | _database_access(superset)
    if wanted == _permissions(superset, roles[READER]):
        return False
    path = f"/api/v1/security/roles/{roles[READER]}/permissions"
    superset.post(path, {"permission_view_menu_ids": sorted(wanted)}, f"give the role {READER} its rights")
    return True


def _permissions(superset: Superset, role: int) -> set[int]:
    found = superset.get(f"/api/v1/security/roles/{role}/permissions/", "read a role")["result"]
    return {each["id"] for each in found}


def _database_access(superset: Superset) -> set[int]:
    return {
        each["id"]
        for each in _all(superset, "permissions-resources")
        if each["permission"]["name"] == "database_access" and each["view_menu"]["name"].startswith(f"[{DATABASE}].")
    }


def _all(superset: Superset, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        question = f"(page:{len(found) // _PAGE},page_size:{_PAGE})"
        page = superset.get(f"/api/v1/security/{what}/", f"list its {what}", q=question)["result"]
        found += page
        if len(page) < _PAGE:
            return found
