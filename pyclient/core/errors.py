"""Exceptions of the client, by whose fault each one is.

ParleyError
├── ConfigError            the settings are wrong: names the key and what is allowed
├── ProtocolError          abstract: the order or the shape of things on the wire is wrong
│   ├── LocalProtocolError     we broke the rules: a bug in this client or its host
│   └── RemoteProtocolError    the other side broke them: an answer that cannot be used
└── ToolError              a tool could not be defined, found or called
    ├── ToolDefinitionError    the function cannot become a tool: names the parameter
    ├── UnknownToolError       nobody registered that name
    ├── ToolArgumentError      the arguments do not fit the schema: names the argument
    └── PageToolError          the page or the person did not do it: says why
"""

from __future__ import annotations


class ParleyError(Exception):
    """Base of all of them. The text is a whole sentence that a person can act on and holds no secret."""


class ConfigError(ParleyError):
    """A setting is wrong. `key` names it, dotted for a nested one (`turn_detection.min_silence`)."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key
        self.problem = problem


class ProtocolError(ParleyError):
    """Abstract: raise one of its two children, so that the blame is in the type."""

    def __init__(self, message: str) -> None:
        if type(self) is ProtocolError:
            raise TypeError("ProtocolError is abstract: raise LocalProtocolError or RemoteProtocolError")
        super().__init__(message)


class LocalProtocolError(ProtocolError):
    """This client, or its host, asked for something that the state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The server sent something that cannot be used."""


class ToolError(ParleyError):
    """Base of everything about tools. The text may be sent to the agent, so it names no internals."""


class ToolDefinitionError(ToolError):
    """A function cannot become a tool: raised when it is decorated or registered, never in a call."""


class UnknownToolError(ToolError):
    """The agent called a tool that is not registered."""


class ToolArgumentError(ToolError):
    """The agent's arguments do not fit the tool's schema."""


class PageToolError(ToolError):
    """The page that should have answered a tool did not, or the person did not allow it. The text is for the agent."""
