"""A Redis server of our own, as Debian ships it, for as long as it is measured."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["redis_server"]


@contextmanager
def redis_server(directory: Path) -> Iterator[int]:
    """Run Redis with its defaults on a free port of the loopback; yield the port.

    Its defaults keep nothing through a crash but a snapshot now and then, which is what the source has.

    Raises:
        FileNotFoundError: redis-server is not installed (`apt-get install redis-server`).
        OSError: it does not start.
    """
    found = shutil.which("redis-server")
    if found is None:
        raise FileNotFoundError("redis-server is not installed; on Debian, `apt-get install redis-server`")
    directory.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [found, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory), "--daemonize", "no"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _await(server, port)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def _await(server: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 10
    while time.monotonic() < end and server.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(b"PING\r\n")
                if probe.recv(16).startswith(b"+PONG"):
                    return
        except OSError:
            time.sleep(0.05)
    raise OSError("redis-server did not start")
