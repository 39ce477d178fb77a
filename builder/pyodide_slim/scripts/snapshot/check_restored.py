"""Run in a browser's Python that was restored: is the client there, and does it work?"""

from pyclient.config import ClientConfig
from pyclient.session import Session

if Session(ClientConfig.from_dict({})).state.value != "idle":
    raise RuntimeError("a session of the restored client is not idle")
