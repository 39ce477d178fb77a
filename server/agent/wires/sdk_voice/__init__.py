"""The SDK-style voice protocol. Section numbers in this folder are the protocol file's."""

from server.agent.wires.sdk_voice.auth import heartbeat, mint
from server.agent.wires.sdk_voice.wire import serve

__all__ = ["heartbeat", "mint", "serve"]
