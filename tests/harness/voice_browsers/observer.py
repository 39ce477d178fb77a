"""What a page does with sound, watched from inside, and what its authors should know about that.

`OBSERVER` is an init script: it notes how the page makes its AudioContexts, asks for the microphone, loads worklets and
opens sockets, and changes none of it. `advice` tells in words what is known to go wrong with that, in which browser.
The page's own thread only: a socket or a worker inside a worker is not seen.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

OBSERVER = """
(() => {
  if (window.__voiceBrowsers) return;
  const contexts = [], microphones = [], worklets = [], sockets = [];
  const few = (list, it) => { if (list.length < 50) list.push(it); return it; };
  const words = (error) => `${error && error.name}: ${error && error.message}`;
  let acted = false;
  for (const kind of ['pointerdown', 'mousedown', 'click', 'keydown', 'touchend'])
    addEventListener(kind, () => { acted = true; }, { capture: true });

  const Real = window.AudioContext;
  if (Real) {
    class Watched extends Real {
      constructor(options) {
        super(options);
        few(contexts, { asked: (options && options.sampleRate) || 0, acted, mic: '', it: this, wrong: '' });
      }
    }
    Object.defineProperty(Watched, 'name', { value: 'AudioContext' });
    window.AudioContext = Watched;
    if ('webkitAudioContext' in window) window.webkitAudioContext = Watched;
    const entry = (context) => contexts.find((it) => it.it === context);
    const source = Real.prototype.createMediaStreamSource;
    Real.prototype.createMediaStreamSource = function createMediaStreamSource(stream) {
      const known = entry(this);
      try {
        const node = source.call(this, stream);
        if (known) known.mic = 'connected';
        return node;
      } catch (error) {
        if (known) known.mic = words(error);
        throw error;
      }
    };
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
      const known = target instanceof AudioDestinationNode && entry(this.context);
      if (known) known.plays = true;
      return connect.call(this, target, ...rest);
    };
  }
  if (window.Worklet) {
    const add = Worklet.prototype.addModule;
    Worklet.prototype.addModule = function addModule(url, ...rest) {
      const note = few(worklets, { url: String(url).slice(0, 200), wrong: '' });
      const done = add.call(this, url, ...rest);
      done.catch((error) => { note.wrong = words(error); });
      return done;
    };
  }
  if (window.MediaDevices) {
    const ask = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = function getUserMedia(wanted) {
      const note = few(microphones, { wanted: JSON.stringify(wanted || {}).slice(0, 300), wrong: 'not answered' });
      const done = ask.call(this, wanted);
      done.then(() => { note.wrong = ''; }, (error) => { note.wrong = words(error); });
      return done;
    };
  }
  const Socket = window.WebSocket;
  class WatchedSocket extends Socket {
    constructor(...given) {
      super(...given);
      const note = few(sockets, { url: this.url.split('?')[0], sent: 0, came: 0, code: 0, reason: '', opened: false });
      this.__note = note;
      this.addEventListener('open', () => { note.opened = true; });
      this.addEventListener('message', () => { note.came += 1; });
      this.addEventListener('close', (e) => { note.code = e.code; note.reason = e.reason; });
    }
    send(data) { this.__note.sent += 1; return super.send(data); }
  }
  Object.defineProperty(WatchedSocket, 'name', { value: 'WebSocket' });
  window.WebSocket = WatchedSocket;

  Object.defineProperty(window, '__voiceBrowsers', { value: () => ({
    secure: isSecureContext, acted,
    contexts: contexts.map(({ it, ...rest }) => ({ plays: false, ...rest, rate: it.sampleRate, state: it.state })),
    microphones, worklets, sockets,
  }) });
})();
"""


def facts(page: Page) -> dict[str, Any]:
    """What `OBSERVER` has noted; empty where it is not in the page."""
    with contextlib.suppress(Exception):  # a page that is gone tells nothing
        told = page.evaluate("() => window.__voiceBrowsers ? window.__voiceBrowsers() : {}")
        return dict(told) if isinstance(told, dict) else {}
    return {}


def advice(seen: Mapping[str, Any], engine: str) -> list[str]:
    """What the page's authors should know, the likeliest cause first.

    Each sentence says what was seen, and what to do.
    """
    if not seen:
        return []
    return [*_microphone(seen), *_contexts(seen, engine), *_worklets(seen), *_sockets(seen), *_rates(seen, engine)]


def _microphone(seen: Mapping[str, Any]) -> list[str]:
    found = []
    if not seen["secure"]:
        found.append(
            "The page is no secure context, so it has no microphone and no AudioWorklet: serve it over https or from localhost."
        )
    asked = seen["microphones"]
    if not asked:
        found.append(
            "The page never asked for the microphone (no getUserMedia). If it should have by now, its click handler did not come "
            "that far: look at the console, and in WebKitGTK at handlers of `pointerdown`, which a test's click does not cause."
        )
    for wrong in {item["wrong"] for item in asked if item["wrong"]}:
        what = (
            "is still waiting for an answer"
            if wrong == "not answered"
            else f"was refused with {wrong}; tell the person why, and offer to try again"
        )
        found.append(f"getUserMedia {what}.")
    return found


def _contexts(seen: Mapping[str, Any], engine: str) -> list[str]:
    found = []
    contexts = seen["contexts"]
    answered = [item for item in seen["microphones"] if not item["wrong"]]
    if answered and not any(item["mic"] for item in contexts):
        found.append(
            "The page has a microphone and connected it to no AudioContext (createMediaStreamSource), so none of it can be sent as PCM."
        )
    for item in contexts:
        if item["mic"] not in ("", "connected"):
            found.append(
                f"The microphone could not be connected to a context of {item['rate']} Hz: {item['mic']}. Firefox connects a microphone "
                "only to a context of its own rate in older versions: leave `sampleRate` out and resample in the worklet."
            )
        if item["state"] == "suspended":
            when = "in a click" if item["acted"] else "before anybody had clicked"
            found.append(
                f"An AudioContext of {item['rate']} Hz is suspended; it was made {when}. A suspended context neither plays nor hears: "
                "await `resume()` inside the click handler, with a time limit, before anything else."
            )
    if contexts and not any(item["plays"] for item in contexts):
        found.append(
            "Nothing was ever connected to an AudioContext's destination, so nothing could sound (unless it plays by <audio>)."
        )
    return found


def _worklets(seen: Mapping[str, Any]) -> list[str]:
    return [
        f"audioWorklet.addModule({item['url'][:80]!r}) failed with {item['wrong']}. A module of `blob:` or `data:` needs "
        "`script-src` to allow that; a file needs the right path and a JavaScript content type."
        for item in seen["worklets"]
        if item["wrong"]
    ]


def _sockets(seen: Mapping[str, Any]) -> list[str]:
    found = []
    for item in seen["sockets"]:
        if not item["opened"]:
            ended = f" (closed with {item['code']})" if item["code"] else ""
            found.append(
                f"The socket to {item['url']} did not open{ended}: wrong address, a server that refuses this origin, "
                "or a policy without it in `connect-src`."
            )
        elif item["code"] not in (0, 1000, 1005):
            reason = f" {item['reason']!r}" if item["reason"] else ""
            found.append(
                f"The socket to {item['url']} was closed with {item['code']}{reason} after {item['came']} messages."
            )
        elif item["sent"] < 5:
            found.append(
                f"Over the socket to {item['url']} the page sent {item['sent']} messages only: no stream of audio. "
                f"{item['came']} came."
            )
    return found


def _rates(seen: Mapping[str, Any], engine: str) -> list[str]:
    """Not what made the test fail, most likely; but it will be heard by people."""
    forced = sorted({item["asked"] for item in seen["contexts"] if item["asked"]})
    if not forced:
        return []
    rates = " and ".join(f"{rate} Hz" for rate in forced)
    found = [
        f"The page forces its AudioContext to {rates}. Safari ignores that and runs at the device's rate: what is sent as {rates} "
        "is then too fast or too slow. Read `context.sampleRate` and resample (test: the marker "
        f"tab(init_scripts=[quirk_scripts.sample_rate_ignored(48_000)]) of voice_browsers)."
    ]
    if engine == "firefox" and any(item["asked"] and item["plays"] for item in seen["contexts"]):
        found.insert(
            0,
            f"In Firefox what a context of a forced rate ({rates}) plays is not cancelled from the microphone: without headphones the "
            "agent hears itself and interrupts itself. Play on a context without `sampleRate`; `createBuffer(1, n, rate)` converts.",
        )
    if engine == "firefox" and any(item["asked"] and item["mic"] == "connected" for item in seen["contexts"]):
        found.append(
            "In Firefox a microphone in a context of a forced rate is corrected for drift all the time, and its sound wanders by "
            "milliseconds; at the device's own rate it comes through exactly."
        )
    return found


def facts_in_words(seen: Mapping[str, Any]) -> Sequence[str]:
    """The facts themselves, a line each."""
    if not seen:
        return []
    lines = [f"secure context: {seen['secure']}; a hand has acted: {seen['acted']}"]
    for item in seen["contexts"]:
        asked = f"asked for {item['asked']} Hz" if item["asked"] else "asked for no rate"
        lines.append(
            f"AudioContext: {asked}, has {item['rate']} Hz, {item['state']}, microphone {item['mic'] or 'not connected'}, "
            f"{'plays' if item['plays'] else 'plays nothing'}"
        )
    lines += [f"getUserMedia({item['wanted']}): {item['wrong'] or 'given'}" for item in seen["microphones"]]
    lines += [f"addModule({item['url']}): {item['wrong'] or 'loaded'}" for item in seen["worklets"]]
    for item in seen["sockets"]:
        state = f"closed with {item['code']}" if item["code"] else ("open" if item["opened"] else "not open")
        lines.append(f"WebSocket {item['url']}: {state}, {item['sent']} messages sent, {item['came']} came")
    return lines
