"""Worker process: a module of this package behind a pair of pipes.

A JSON line and bytes go in, a JSON line comes out.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

__all__ = ["WorkerProcess"]


class WorkerProcess:
    """Raises OSError or ValueError when it is gone."""

    def __init__(self, module: str) -> None:
        root = Path(__file__).resolve().parents[2]
        env = dict(os.environ)
        env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), env.get("PYTHONPATH", ""))))
        # One thread each: the processes are the parallelism.
        env.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
        self._popen = subprocess.Popen(
            [sys.executable, "-m", module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._in: IO[bytes] = self._popen.stdin
        self._out: IO[bytes] = self._popen.stdout

    def ask(self, head: Mapping[str, Any], audio: bytes) -> dict[str, Any]:
        self._in.write(json.dumps(head).encode() + b"\n" + audio)
        self._in.flush()
        line = self._out.readline()
        if not line:
            raise OSError("the recognising process ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def kill(self) -> None:
        """From another thread: whoever asks gets an error at once."""
        self._popen.kill()

    def close(self) -> None:
        """Ended at once, also while it still loads: it keeps nothing that could be lost.

        Killed where that does not help.
        """
        self._popen.terminate()
        for stream in (self._in, self._out):
            with contextlib.suppress(OSError):
                stream.close()
        try:
            self._popen.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
