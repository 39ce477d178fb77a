"""Init scripts that make a browser behave like another one, or like a machine with a fault.

    TabOptions(init_scripts=[sample_rate_ignored(44_100)])

Each function returns JavaScript that runs before any script of the page. The main thread only: a worker or a worklet
sees the real browser. They are meant to be indistinguishable from the real thing to a page: class names and
`instanceof` hold.
"""

from __future__ import annotations

import json

MICROPHONE_ERRORS = {
    "NotAllowedError": "Permission denied",
    "NotFoundError": "Requested device not found",
    "NotReadableError": "Could not start audio source",
    "OverconstrainedError": "Invalid constraint",
}


def sample_rate_ignored(hardware_hz: int) -> str:
    """Safari: `new AudioContext({sampleRate})` yields the hardware's rate, whatever was asked for.

    The last one to run counts.
    """
    return f"""
(() => {{
  const Real = window.AudioContext.real || window.AudioContext;
  class Stubborn extends Real {{
    constructor(options) {{ super({{...(options || {{}}), sampleRate: {int(hardware_hz)}}}); }}
  }}
  Object.defineProperty(Stubborn, 'name', {{value: 'AudioContext'}});
  Stubborn.real = Real;
  window.AudioContext = Stubborn;
  if ('webkitAudioContext' in window) window.webkitAudioContext = Stubborn;
}})();
"""


def rate_mismatch_throws(hardware_hz: int) -> str:
    """Old Firefox: a microphone cannot be connected to a context whose rate is not the hardware's."""
    return f"""
(() => {{
  const real = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = function createMediaStreamSource(stream) {{
    if (this.sampleRate !== {int(hardware_hz)}) throw new DOMException(
      'Connecting AudioNodes from AudioContexts with different sample-rate is currently not supported.',
      'NotSupportedError');
    return real.call(this, stream);
  }};
}})();
"""


def microphone_channels_apart(apart_ms: float) -> str:
    """WebKitGTK on a busy machine: a microphone of one channel arrives as two, the second one `apart_ms` late."""
    return f"""
(() => {{
  const real = AudioContext.prototype.createMediaStreamSource;
  AudioContext.prototype.createMediaStreamSource = function createMediaStreamSource(stream) {{
    const first = this.createChannelSplitter(1);
    const both = this.createChannelMerger(2);
    const late = new DelayNode(this, {{delayTime: {apart_ms / 1000}}});
    real.call(this, stream).connect(first).connect(both, 0, 0);
    first.connect(late).connect(both, 0, 1);
    return both;
  }};
}})();
"""


def microphone_error(name: str, *, constraint: str = "sampleRate") -> str:
    """`getUserMedia` is refused with the error `name`, one of `MICROPHONE_ERRORS` (KeyError otherwise)."""
    message = MICROPHONE_ERRORS[name]
    if name == "OverconstrainedError":
        made = (
            "typeof OverconstrainedError === 'function'"
            f" ? new OverconstrainedError({json.dumps(constraint)}, {json.dumps(message)})"
            f" : Object.assign(new Error({json.dumps(message)}), {{name: 'OverconstrainedError',"
            f" constraint: {json.dumps(constraint)}}})"
        )
    else:
        made = f"new DOMException({json.dumps(message)}, {json.dumps(name)})"
    return _get_user_media(f"Promise.reject({made})")


def microphone_question_unanswered() -> str:
    """The person does not answer the browser's question: `getUserMedia` never settles."""
    return _get_user_media("new Promise(() => {})")


def no_audio_worklet() -> str:
    """A browser (or a page) without AudioWorklet."""
    return """
(() => {
  delete BaseAudioContext.prototype.audioWorklet;
  delete window.AudioWorkletNode;
  delete window.AudioWorklet;
})();
"""


def insecure_page() -> str:
    """A page over plain http from another machine: no secure context, no media devices, no AudioWorklet."""
    return """
(() => {
  Object.defineProperty(window, 'isSecureContext', {value: false, configurable: true});
  delete Navigator.prototype.mediaDevices;
})();
""" + no_audio_worklet()


def gesture_required() -> str:
    """No context runs before a person really clicked, tapped or pressed a key.

    For Firefox as the system has it: Playwright reaches it over a protocol that counts its very first question to a
    page as a gesture, so the browser's own gate is open from the start. The script closes it again until an event of a
    hand comes; whether the event is trusted is not asked, because in WebKitGTK Playwright's own clicks are not.
    """
    return """
(() => {
  let acted = false;
  for (const kind of ['pointerdown', 'mousedown', 'click', 'keydown', 'touchend']) {
    addEventListener(kind, () => { acted = true; }, {capture: true});
  }
  const Real = window.AudioContext;
  const resume = Real.prototype.resume;
  class Gated extends Real {
    constructor(options) { super(options); if (!acted) super.suspend(); }
    resume() { return acted ? resume.call(this) : new Promise(() => {}); }
  }
  Object.defineProperty(Gated, 'name', {value: 'AudioContext'});
  window.AudioContext = Gated;
})();
"""


def context_never_resumes() -> str:
    """Firefox without an output device: the context stays `suspended` and `resume()` never settles."""
    return """
(() => {
  Object.defineProperty(AudioContext.prototype, 'state', {get: () => 'suspended', configurable: true});
  AudioContext.prototype.resume = function resume() { return new Promise(() => {}); };
})();
"""


def _get_user_media(answer: str) -> str:
    return f"""
(() => {{
  if (!window.MediaDevices) return;
  MediaDevices.prototype.getUserMedia = function getUserMedia() {{ return {answer}; }};
}})();
"""
