"""Types of the tag: `voice-agent.d.ts`, for teams that write TypeScript.

What its events carry comes from Python: `pyclient/page/view.py` and `pyclient/core/states.py` are read as text, for
this package imports neither.
"""

from __future__ import annotations

import ast
from pathlib import Path

from builder.environment import SetupError

NAME = "voice-agent.d.ts"
_PLAIN = {"str": "string", "bool": "boolean", "int": "number", "float": "number", "None": "null"}
# The page puts a text of the client's into words before it tells the tag.
_PLAIN |= {"Text": "string", "list[Text]": "string"}
# What only the page knows: before it has loaded, and while it opens the microphone.
_OWN_STATES = ("loading", "opening")
_STATE_FIELDS = ("status", "muted", "paused")

_TEXT = """\
/**
 * Types of `<voice-agent>`, as docs/embedding.md describes it. Written by the build, from what Python tells the page.
 */

export type VoiceAgentState = {states};
export type VoiceAgentActivity = {activities};

/** Of `voice-agent:state`. */
export interface VoiceAgentStateDetail {{
  state: VoiceAgentState;
  activity: VoiceAgentActivity;
{state_fields}}}

/** Of `voice-agent:transcript` and `voice-agent:tool`, each time that something of it is new. */
export interface VoiceAgentTurn {{
{turn_fields}}}

/** Of `voice-agent:error`; what the person is told, too. `code` is stable. */
export interface VoiceAgentNotice {{
{notice_fields}}}

/** Of `voice-agent:end`. `code`: of the notice that says why it failed. */
export interface VoiceAgentEnd {{
  state: "ended" | "failed";
  code: string | null;
}}

export interface VoiceAgentEventMap {{
  "voice-agent:state": CustomEvent<Readonly<VoiceAgentStateDetail>>;
  "voice-agent:transcript": CustomEvent<Readonly<VoiceAgentTurn>>;
  "voice-agent:tool": CustomEvent<Readonly<VoiceAgentTurn>>;
  "voice-agent:error": CustomEvent<Readonly<VoiceAgentNotice>>;
  "voice-agent:end": CustomEvent<Readonly<VoiceAgentEnd>>;
}}

/** A tool with `page=True`: what it returns is told to the agent as JSON. `signal` says that nobody waits for it any more. */
// biome-ignore lint/suspicious/noExplicitAny: Python has checked the arguments by the tool's own types.
export type VoiceAgentTool = (given: any, context: {{ signal: AbortSignal }}) => unknown;

/** Why a call did not become live. `code` as in `voice-agent:error`; `embed_ended` where it was ended before. */
export interface VoiceAgentError extends Error {{
  code: string;
  hint: string;
}}

export interface VoiceAgentElement extends HTMLElement {{
  /** Whether the agent's page is shown. */
  open: boolean;
  readonly state: VoiceAgentState;
  readonly activity: VoiceAgentActivity;
  readonly muted: boolean;
  readonly paused: boolean;
  /** What was said in this call, in order. */
  readonly transcript: Readonly<VoiceAgentTurn>[];
  /** What this page does for the agent, by the names of its tools. */
  tools: Record<string, VoiceAgentTool>;
  /** Gives the bearer for the team's own sign-in, before each token; nothing where nobody is signed in. */
  signIn: (() => string | null | undefined | Promise<string | null | undefined>) | null;
  /** Shows the agent's page and starts a call. Settles when it is live, or with a VoiceAgentError. */
  connect(): Promise<void>;
  disconnect(): void;
  mute(muted?: boolean): void;
  /** Holds the agent in a call: nobody is heard until `pause(false)`, and the call goes on where it stood. */
  pause(paused?: boolean): void;
  /** Has the agent stop talking. */
  interrupt(): void;
  /** Says something by text, in a call. */
  sendText(text: string): void;
  /** How loud the agent is, from 0 to 1; a RangeError for anything else. */
  setVolume(volume: number): void;
}}

declare global {{
  interface HTMLElementTagNameMap {{
    "voice-agent": VoiceAgentElement;
  }}
  interface GlobalEventHandlersEventMap extends VoiceAgentEventMap {{}}
}}
"""


def make(root: Path) -> str:
    """Return the text of `voice-agent.d.ts`. Raises SetupError where Python says something that it has no word for."""
    view = _classes(root / "pyclient" / "page" / "view.py")
    states = _classes(root / "pyclient" / "core" / "states.py")
    return _TEXT.format(
        states=_union((*_OWN_STATES, *_values(states["State"]))),
        activities=_union(_values(states["Activity"])),
        state_fields=_fields(view["View"], _STATE_FIELDS),
        turn_fields=_fields(view["TurnView"]),
        notice_fields=_fields(view["NoticeView"]),
    )


def _classes(file: Path) -> dict[str, ast.ClassDef]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}


def _values(enum: ast.ClassDef) -> list[str]:
    return [str(ast.literal_eval(node.value)) for node in enum.body if isinstance(node, ast.Assign)]


def _union(values: tuple[str, ...] | list[str]) -> str:
    return " | ".join(f'"{value}"' for value in values)


def _fields(view: ast.ClassDef, names: tuple[str, ...] = ()) -> str:
    found = {
        node.target.id: _type(node.annotation, view.name)
        for node in view.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and (not names or node.target.id in names)
    }
    return "".join(f"  {name}: {kind};\n" for name, kind in found.items())


def _type(annotation: ast.expr, where: str) -> str:
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return f"{_type(annotation.left, where)} | {_type(annotation.right, where)}"
    word = ast.unparse(annotation)
    if word not in _PLAIN:
        raise SetupError(f"pyclient/page/view.py, {where}: {NAME} has no word for {word}")
    return _PLAIN[word]
