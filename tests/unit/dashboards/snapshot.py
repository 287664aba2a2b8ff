"""Write the snapshot of the bundle again."""

from __future__ import annotations

import hashlib
import json

from tests.unit.dashboards.test_bundle import SNAPSHOT, bundle

if __name__ == "__main__":
    found = {path: hashlib.sha256(text.encode()).hexdigest()[:16] for path, text in bundle().texts().items()}
    SNAPSHOT.write_text(json.dumps(found, indent=1) + "\n")
