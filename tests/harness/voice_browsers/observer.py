"""What a page does with sound, watched from inside: an init script, and what it has noted.

`OBSERVER` notes how the page makes its AudioContexts and connects their nodes, asks for the microphone, loads worklets,
opens sockets, and what of it failed; it changes none of it. Of messages it keeps their type, the name of the field that
carries sound, and how many there were, never what they say; of a service's error its words.
The page's own thread only: a socket or a worker inside a worker is not seen. What follows from it: `advice`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from .voice import Recording

OBSERVER = r"""
(() => {
  if (window.__voiceBrowsers) return;
  const contexts = [], microphones = [], worklets = [], sockets = [], processors = [], elements = [], thrown = [],
    blocked = [];
  const elsewhere = new Set(), lonely = new Set(), ports = new WeakMap(), notes = new WeakMap();
  let started = 0, acted = false, message = null;
  const few = (list, it) => { if (list.length < 50) list.push(it); return it; };
  const words = (error) => (error instanceof Error || error instanceof DOMException
    ? `${error.name}${error.message ? `: ${error.message}` : ''}${error.constraint ? ` (${error.constraint})` : ''}` : String(error)).slice(0, 300);
  const place = (text) => (/[a-z-]+:[^\s()@]*:\d+:\d+/.exec(text || '') || [''])[0].replace(/^.*\//, '');
  for (const kind of ['pointerdown', 'mousedown', 'click', 'keydown', 'touchend'])
    addEventListener(kind, () => { acted = true; }, { capture: true });

  // What fails is thrown on: a rejection that nobody handles stays one, and is a complaint of the page.
  // A proxy, so that a class is the same to the page: its name, its prototype, its heirs.
  const watch = (name, construct) => {
    if (window[name]) window[name] = new Proxy(window[name], { construct });
  };
  for (const name of ['Worker', 'RTCPeerConnection', 'MediaRecorder', 'WebTransport', 'WebSocketStream'])
    watch(name, (real, given, heir) => { elsewhere.add(name); return Reflect.construct(real, given, heir); });

  const raised = (text, where) => {
    const during = message && message.event.eventPhase ? message.what : ''; // 0 as soon as all its listeners ran
    const same = thrown.find((it) => it.text === text && it.where === where && it.during === during);
    if (same) same.count += 1;
    else few(thrown, { text, where, during, count: 1 });
  };
  addEventListener('error', (e) => {
    if (e.message) raised(e.error ? words(e.error) : e.message, e.filename ? place(`${e.filename}:${e.lineno}:${e.colno}`) : '');
  });
  addEventListener('securitypolicyviolation', (e) => {
    if (/^(connect|script|worker|media|child|default)-src/.test(e.effectiveDirective)) few(blocked, { directive: e.effectiveDirective, what: (e.blockedURI || 'inline').split('?')[0].slice(0, 200) });
  });
  addEventListener('unhandledrejection', (e) => { raised(words(e.reason), place(e.reason && e.reason.stack)); });

  // The graph of nodes, as notes that keep no node alive: who leads to a speaker, and where the microphone leads to.
  const note = (node) => {
    if (!notes.has(node)) notes.set(node, { reaches: false, hears: false, from: [], to: [] });
    return notes.get(node);
  };
  const reach = (it) => {
    if (it.reaches) return;
    it.reaches = true;
    lonely.delete(it);
    it.from.splice(0).forEach(reach);
  };
  const hear = (it) => {
    if (it.hears) return;
    it.hears = true;
    it.to.forEach(hear);
  };
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
    const microphone = (context, make) => {
      const known = entry(context);
      try {
        const node = make();
        if (known) known.mic = 'connected';
        hear(note(node));
        return node;
      } catch (error) {
        if (known) known.mic = words(error);
        throw error;
      }
    };
    const source = Real.prototype.createMediaStreamSource;
    Real.prototype.createMediaStreamSource = function createMediaStreamSource(stream) {
      return microphone(this, () => source.call(this, stream));
    };
    watch('MediaStreamAudioSourceNode', (real, given, heir) =>
      microphone(given[0], () => Reflect.construct(real, given, heir)));
    const connect = AudioNode.prototype.connect;
    AudioNode.prototype.connect = function (target, ...rest) {
      const done = connect.call(this, target, ...rest);
      const known = target instanceof AudioDestinationNode && entry(this.context);
      if (known) known.plays = true;
      const own = note(this);
      // What moves a parameter, or goes into a stream, is not lost either.
      if (!(target instanceof AudioNode) || target instanceof AudioDestinationNode
          || target instanceof MediaStreamAudioDestinationNode) {
        own.used = true;
        reach(own);
      } else {
        const other = note(target);
        if (!own.to.includes(other)) own.to.push(other);
        if (own.hears) hear(other);
        if (other.reaches) reach(own);
        else if (!other.from.includes(own)) other.from.push(own);
      }
      return done;
    };
    for (const kind of ['AudioScheduledSourceNode', 'AudioBufferSourceNode']) {
      const its = window[kind] && window[kind].prototype;
      if (!its || !Object.hasOwn(its, 'start')) continue;
      const start = its.start;
      its.start = function (...given) {
        started += 1;
        if (!note(this).reaches) lonely.add(note(this));
        return start.apply(this, given);
      };
    }
    watch('AudioWorkletNode', (real, given, heir) => {
      const it = few(processors, { name: String(given[1]).slice(0, 100), wrong: '', failed: '', given: 0, gave: 0 });
      try {
        const node = Reflect.construct(real, given, heir);
        it.note = note(node);
        it.port = node.port; // kept, for `ports` knows it by its identity
        ports.set(node.port, it);
        node.port.addEventListener('message', () => { it.gave += 1; });
        node.addEventListener('processorerror', (e) => { it.failed = e.message || 'an exception'; });
        return node;
      } catch (error) {
        it.wrong = words(error);
        throw error;
      }
    });
    const carries = (data) => data instanceof ArrayBuffer || ArrayBuffer.isView(data) || Array.isArray(data);
    const post = MessagePort.prototype.postMessage;
    MessagePort.prototype.postMessage = function postMessage(data, ...rest) {
      const it = ports.get(this);
      if (it && (carries(data) || (data && typeof data === 'object' && Object.values(data).some(carries)))) it.given += 1;
      return post.call(this, data, ...rest);
    };
    const script = BaseAudioContext.prototype.createScriptProcessor;
    if (script) BaseAudioContext.prototype.createScriptProcessor = function createScriptProcessor(...given) {
      elsewhere.add('ScriptProcessorNode');
      return script.apply(this, given);
    };
  }
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    const it = few(elements, { kind: this.localName, wrong: '' });
    const done = play.call(this);
    return done && done.catch((error) => { it.wrong = words(error); throw error; });
  };
  if (window.Worklet) {
    const add = Worklet.prototype.addModule;
    Worklet.prototype.addModule = function addModule(url, ...rest) {
      const it = few(worklets, { url: String(url).slice(0, 200), wrong: '' });
      return add.call(this, url, ...rest).catch((error) => { it.wrong = words(error); throw error; });
    };
  }
  if (window.MediaDevices) {
    const ask = MediaDevices.prototype.getUserMedia;
    MediaDevices.prototype.getUserMedia = function getUserMedia(wanted) {
      const it = few(microphones, { wanted: JSON.stringify(wanted || {}).slice(0, 300), wrong: 'not answered', tracks: [] });
      return ask.call(this, wanted).then(
        (stream) => { it.wrong = ''; it.tracks = stream.getAudioTracks(); return stream; },
        (error) => { it.wrong = words(error); throw error; });
    };
  }

  // What a message is, without what it says: its type, and which field carries sound, as base64 or binary.
  const longest = (it, path, depth) => {
    let best = ['', path];
    if (typeof it === 'string') return [it, path];
    if (it && typeof it === 'object' && depth < 4)
      for (const [name, value] of Object.entries(it)) {
        const found = longest(value, Array.isArray(it) ? path : [...path, name], depth + 1);
        if (found[0].length > best[0].length) best = found;
      }
    return best;
  };
  const look = (kinds, data) => {
    let type = 'binary', field = '', zeros = false, wrong = '';
    if (typeof data === 'string') {
      type = 'text';
      try {
        const it = JSON.parse(data);
        if (it && typeof it === 'object') {
          type = String(it.type || it.event || it.message_type || it.kind || `{${Object.keys(it).slice(0, 3)}}`).slice(0, 60);
          const [text, path] = longest(it, [], 0);
          if (text.length >= 100 && /^[\w+/=-]+$/.test(text)) {
            field = path.join('.').slice(0, 60);
            zeros = /^A+=*$/.test(text);
          }
          const error = it.error || (/error|fail|reject/i.test(type) ? it : null);
          if (error) wrong = [error.code, error.message || error.reason || error.detail || (typeof error === 'string' ? error : '')]
            .filter((one) => one && typeof one !== 'object').join(': ').slice(0, 300) || type;
        }
      } catch {}
    } else if (data.byteLength || data.size) { // of any size: a compressed frame of silence has few bytes
      field = 'binary';
      if (!(data instanceof Blob))
        zeros = new Uint8Array(data.buffer || data, data.byteOffset || 0, data.byteLength).every((one) => !one);
    }
    const key = `${type} ${field}`;
    if (!kinds.has(key) && kinds.size < 40) kinds.set(key, { type, field, count: 0, zeros: 0 });
    const kind = kinds.get(key);
    if (kind) { kind.count += 1; kind.zeros += zeros; }
    return { type, wrong };
  };
  const Socket = window.WebSocket;
  class WatchedSocket extends Socket {
    constructor(...given) {
      super(...given);
      const note = few(sockets, { url: this.url.split('?')[0], sent: 0, came: 0, code: 0, reason: '', opened: false, errors: [],
        out: new Map(), in: new Map() });
      this.__note = note;
      this.addEventListener('open', () => { note.opened = true; });
      this.addEventListener('message', (event) => {
        note.came += 1;
        const { type, wrong } = look(note.in, event.data);
        message = { event, what: `${type} from ${note.url}` };
        if (wrong && !note.errors.includes(wrong) && note.errors.length < 5) note.errors.push(wrong);
      });
      this.addEventListener('close', (e) => { note.code = e.code; note.reason = e.reason; });
    }
    send(data) {
      this.__note.sent += 1;
      look(this.__note.out, data);
      return super.send(data);
    }
  }
  Object.defineProperty(WatchedSocket, 'name', { value: 'WebSocket' });
  window.WebSocket = WatchedSocket;

  Object.defineProperty(window, '__voiceBrowsers', { value: () => ({
    secure: isSecureContext, acted,
    contexts: contexts.map(({ it, ...rest }) => (
      { plays: false, ...rest, rate: it.sampleRate, state: it.state, ran: it.currentTime })),
    microphones: microphones.map(({ tracks, ...rest }) => (
      { ...rest, tracks: tracks.map((it) => ({ enabled: it.enabled, muted: it.muted, state: it.readyState })) })),
    worklets, elements, thrown, blocked, started, lonely: lonely.size, elsewhere: [...elsewhere],
    processors: processors.map(({ note, port, ...rest }) => ({ ...rest,
      hears: Boolean(note && note.hears), reaches: Boolean(note && note.reaches), linked: Boolean(note && (note.used || note.to.length)) })),
    sockets: sockets.map((it) => ({ ...it, out: [...it.out.values()], in: [...it.in.values()] })),
  }) });
})();
"""


def facts(page: Page, recording: Recording | None = None) -> dict[str, Any]:
    """What `OBSERVER` has noted, and whether anything was said and heard; empty where it is not in the page."""
    told: dict[str, Any] = {}
    with contextlib.suppress(Exception):  # a page that is gone tells nothing
        told = dict(page.evaluate("() => window.__voiceBrowsers ? window.__voiceBrowsers() : {}"))
    if told and recording is not None:
        with contextlib.suppress(Exception):
            told["recorded"] = {"said": len(recording.said), "silent": recording.played().silent}
    return told


def facts_in_words(seen: Mapping[str, Any]) -> Sequence[str]:
    """The facts themselves, a line each."""
    if not seen:
        return []
    lines = [f"secure context: {seen['secure']}; a hand has acted: {seen['acted']}"]
    for item in seen["contexts"]:
        asked = f"asked for {item['asked']} Hz" if item["asked"] else "asked for no rate"
        lines.append(
            f"AudioContext: {asked}, has {item['rate']} Hz, {item['state']}, ran {item.get('ran', 0):.1f} s, "
            f"microphone {item['mic'] or 'not connected'}, {'plays' if item['plays'] else 'plays nothing'}"
        )
    for item in seen["microphones"]:
        tracks = ", ".join(
            f"track {it['state']}{'' if it['enabled'] else ', not enabled'}{', muted' if it['muted'] else ''}"
            for it in item.get("tracks", ())
        )
        lines.append(f"getUserMedia({item['wanted']}): {item['wrong'] or 'given'}{f' ({tracks})' if tracks else ''}")
    lines += [f"addModule({item['url']}): {item['wrong'] or 'loaded'}" for item in seen["worklets"]]
    for item in seen.get("processors", ()):
        told = f"was given {item['given']} messages with samples, gave {item['gave']} messages"
        ways = [
            way
            for way, is_so in (("hears the microphone", item["hears"]), ("leads to a destination", item["reaches"]))
            if is_so
        ]
        lines.append(
            f"AudioWorkletNode {item['name']!r}: {item['wrong'] or item['failed'] or ', '.join([told, *ways])}"
        )
    if seen.get("started"):
        lines.append(f"sources started: {seen['started']}, of these {seen['lonely']} that lead to no destination")
    lines += [f"<{item['kind']}>.play(): {item['wrong'] or 'plays'}" for item in seen.get("elements", ())]
    if seen.get("elsewhere"):
        lines.append(f"also used, and not watched: {', '.join(seen['elsewhere'])}")
    for item in seen["sockets"]:
        state = f"closed with {item['code']}" if item["code"] else ("open" if item["opened"] else "not open")
        lines.append(f"WebSocket {item['url']}: {state}, {item['sent']} messages sent, {item['came']} came")
        lines += [
            f"    {way}: {kinds(item.get(key, ()))}" for way, key in (("sent", "out"), ("came", "in")) if item.get(key)
        ]
        lines += [f"    an error came: {wrong}" for wrong in item.get("errors", ())]
    return lines


def kinds(messages: Sequence[Mapping[str, Any]]) -> str:
    """Messages by type and number: `reply.audio` ×170 (base64 in `data`)."""
    return ", ".join(
        f"`{it['type']}` ×{it['count']}"
        + (f" (base64 in `{it['field']}`)" if it["field"] not in ("", "binary") else "")
        for it in sorted(messages, key=lambda it: -it["count"])[:12]
    )
