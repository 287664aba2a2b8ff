"""Serve telemelya, a Bot API that others wrote, with its Redis and its S3 in this process; prints its port.

Run by the Python of its own environment (`make telemelya-venv`), which has none of our packages.
"""

from __future__ import annotations

import os
import socket
import threading


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    from fakeredis import TcpFakeServer
    from moto.server import ThreadedMotoServer

    redis_port, s3_port, port = free_port(), free_port(), free_port()
    print(port, flush=True)
    redis = TcpFakeServer(("127.0.0.1", redis_port), server_type="redis")
    threading.Thread(target=redis.serve_forever, daemon=True).start()
    ThreadedMotoServer("127.0.0.1", s3_port, verbose=False).start()
    os.environ |= {
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "MINIO_ENDPOINT": f"127.0.0.1:{s3_port}",
        "MOCK_SERVER_URL": f"http://127.0.0.1:{port}",
        "AUTH_KEYS": "tests",
        "STRICT_EDIT": "true",
    }
    import uvicorn

    uvicorn.run("telemelya.server.app:app", host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
