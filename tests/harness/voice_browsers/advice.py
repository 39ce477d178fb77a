"""Diagnosis in words: what the page's authors should know, from what `observer` has noted.

    for sentence in advice(facts(page, recording), "firefox"): ...

It says what was seen and what to do, and guesses at nothing. First comes what failed (a call that was refused, an
exception, a socket), then where sound got lost on its way in or out, then what people will meet elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .observer import kinds


def advice(seen: Mapping[str, Any], engine: str) -> list[str]:
    """What the page's authors should know, the likeliest cause first."""
    if not seen:
        return []
    failed = [
        *_blocked(seen),
        *_refused(seen),
        *_worklets(seen),
        *_unopened(seen),
        *_suspended(seen),
        *_thrown(seen),
        *_complained(seen),
        *_closed(seen),
        *_unanswered(seen),
    ]
    lost = [*_way_in(seen, bool(failed)), *_way_out(seen)]
    found = [*failed, *lost] or _nothing_seen(seen)
    return list(dict.fromkeys([*found, *_rates(seen, engine)]))


# What failed


def _blocked(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen.get("blocked", ()):
        yield f"The page's Content-Security-Policy blocked {item['what']}: its `{item['directive']}` does not allow that."


def _refused(seen: Mapping[str, Any]) -> Iterable[str]:
    """The microphone, and playing by an element."""
    if not seen["secure"]:
        yield "The page is no secure context, so it has no microphone and no AudioWorklet: serve it over https or from localhost."
    for item in seen["microphones"]:
        if item["wrong"].startswith("OverconstrainedError"):
            yield (
                f"getUserMedia was refused with {item['wrong']}: no microphone here meets what was asked for, {item['wanted']}. "
                "`exact` refuses every other device; without it the value is a wish."
            )
        elif item["wrong"] not in ("", "not answered"):
            yield f"getUserMedia was refused with {item['wrong']}; tell the person why, and offer to try again."
    for item in seen["contexts"]:
        if item["mic"] not in ("", "connected"):
            yield (
                f"The microphone could not be connected to a context of {item['rate']} Hz: {item['mic']}. Firefox connects a microphone "
                "only to a context of its own rate in older versions: leave `sampleRate` out and resample in the worklet."
            )
    for item in seen.get("elements", ()):
        if item["wrong"]:
            yield f"<{item['kind']}>.play() was refused with {item['wrong']}: call it first in a click, and tell the person when it fails."


def _worklets(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen["worklets"]:
        if item["wrong"]:
            yield (
                f"audioWorklet.addModule({item['url'][:80]!r}) failed with {item['wrong']}. A module of `blob:` or `data:` needs "
                "`script-src` to allow that; a file needs the right path and a JavaScript content type."
            )
    for item in seen.get("processors", ()):
        if item["wrong"]:
            loaded = sum(not it["wrong"] for it in seen["worklets"])
            yield (
                f"new AudioWorkletNode(context, {item['name']!r}) failed with {item['wrong'].rstrip('.')} (worklet modules loaded: {loaded}). The "
                f"name must be the one in the module's `registerProcessor`, and its addModule must be awaited, on the same context."
            )
        elif item["failed"]:
            yield (
                f"The processor of AudioWorkletNode {item['name']!r} threw ({item['failed']}), in its constructor or in process(); from "
                "then on it gives silence."
            )


def _unopened(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen["sockets"]:
        if not item["opened"] and item["code"]:
            yield (
                f"The socket to {item['url']} did not open (closed with {item['code']}): wrong address, a server that refuses this origin, "
                "or a policy without it in `connect-src`."
            )


def _suspended(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen["contexts"]:
        if item["state"] == "suspended":
            when = "in a click" if item["acted"] else "before anybody had clicked"
            yield (
                f"An AudioContext of {item['rate']} Hz is suspended; it was made {when}. A suspended context neither plays nor hears: "
                "await `resume()` inside the click handler, with a time limit, before anything else."
            )


def _thrown(seen: Mapping[str, Any]) -> Iterable[str]:
    """An exception that comes with each message is told once, with its number."""
    for item in seen.get("thrown", ())[:5]:
        kind, _, url = item["during"].partition(" from ")
        yield (
            f"The page threw {item['text'].rstrip('.')}"
            + (f" at {item['where']}" if item["where"] else "")
            + (f", {item['count']} times" if item["count"] > 1 else "")
            + (f", while it handled the message `{kind}` from {url}" if kind else "")
            + ": nobody caught it, and what comes after that line was not done."
        )


def _complained(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen["sockets"]:
        for wrong in item.get("errors", ()):
            yield f"The service at {item['url']} answered with an error: {wrong!r}. The page had sent {kinds(item['out']) or 'nothing'}."


def _closed(seen: Mapping[str, Any]) -> Iterable[str]:
    for item in seen["sockets"]:
        if item["opened"] and item["code"] not in (0, 1000, 1005):
            reason = f" {item['reason']!r}" if item["reason"] else ""
            yield f"The socket to {item['url']} was closed with {item['code']}{reason} after {item['came']} messages."


def _unanswered(seen: Mapping[str, Any]) -> Iterable[str]:
    """Behind all others: it may have been asked only just now."""
    if any(item["wrong"] == "not answered" for item in seen["microphones"]):
        yield "getUserMedia is still waiting for an answer."
    for item in seen["sockets"]:
        if not item["opened"] and not item["code"]:
            yield f"The socket to {item['url']} is not open yet: the server has neither accepted nor refused it."


# Where sound got lost


def _with_sound(seen: Mapping[str, Any], way: str) -> list[Mapping[str, Any]]:
    """Kinds of messages that carried sound, of all sockets: `way` is "in" or "out"."""
    return [it for socket in seen["sockets"] for it in socket.get(way, ()) if it["field"]]


def _count(messages: Iterable[Mapping[str, Any]], what: str = "count") -> int:
    return sum(int(it[what]) for it in messages)


def _way_in(seen: Mapping[str, Any], failed: bool) -> Iterable[str]:
    """From the microphone to the socket. `failed`: a cause was found before, which this may follow from."""
    asked, elsewhere = seen["microphones"], seen.get("elsewhere", ())
    given = [item for item in asked if not item["wrong"]]
    if not asked:
        yield "The page never asked for the microphone (no getUserMedia)." + (
            ""
            if failed
            else " If it should have by now, its click handler did not come that far: look at the console, and in WebKitGTK at "
            "handlers of `pointerdown`, which a test's click does not cause."
        )
    for track in (track for item in given for track in item.get("tracks", ())):
        if not track["enabled"]:
            yield "The microphone's track is switched off (`track.enabled` is false): all that it gives is silence."
        if track["muted"]:
            yield "The microphone's track is muted by the browser or the system (`track.muted`): it gives silence."
    processors = [item for item in seen.get("processors", ()) if not item["wrong"]]
    hears = [item for item in processors if item["hears"]]
    connected = any(item["mic"] == "connected" for item in seen["contexts"])
    if given and not any(item["mic"] for item in seen["contexts"]) and not elsewhere:
        yield (
            "The page has a microphone and connected it to no AudioContext (createMediaStreamSource), so none of it can be sent as PCM."
        )
    elif connected and processors and not hears and not elsewhere:
        names = ", ".join(repr(item["name"]) for item in processors)
        yield f"The microphone's node (createMediaStreamSource) leads to no AudioWorkletNode; the page has made {names}."
    running = any(item["mic"] == "connected" and item["state"] == "running" for item in seen["contexts"])
    for item in hears:
        if running and not item["gave"] and not item["reaches"] and "Worker" not in elsewhere:
            yield f"AudioWorkletNode {item['name']!r} hears the microphone, and none of its messages came to the page's `port.onmessage`."
    sent = _with_sound(seen, "out")
    opened = [item for item in seen["sockets"] if item["opened"]]
    gave = _count(hears, "gave")
    if gave > 20 and opened and not sent:
        yield (
            f"The microphone's AudioWorkletNode gave the page {gave} messages, and the page sent nothing binary and no long base64 over its socket: "
            f"{kinds([it for socket in opened for it in socket.get('out', ())]) or 'it sent nothing'}."
        )
    elif seen.get("recorded", {}).get("said") and sent and _count(sent) == _count(sent, "zeros"):
        yield f"Somebody spoke, and all {_count(sent)} messages with sound that the page sent were digital silence: {kinds(sent)}."
    for item in opened:
        if item["sent"] < 5 and not failed:
            yield (
                f"Over the socket to {item['url']} the page sent {item['sent']} messages only: no stream of audio. "
                f"{item['came']} came."
            )


def _way_out(seen: Mapping[str, Any]) -> Iterable[str]:
    """From the socket to the speaker. A page that plays by an element, or by WebRTC, needs no destination."""
    if seen.get("elements") or "RTCPeerConnection" in seen.get("elsewhere", ()):
        return
    came, contexts = _with_sound(seen, "in"), seen["contexts"]
    received = f"The page received {_count(came)} messages with sound ({kinds(came)})"
    processors = [item for item in seen.get("processors", ()) if not item["wrong"]]
    stuck = [item for item in processors if item["given"] and not item["reaches"]]
    lonely = seen.get("lonely", 0)
    whose = [f"AudioWorkletNode {it['name']!r}, which was given {it['given']} messages with samples" for it in stuck]
    whose += [f"{lonely} of {seen['started']} sources that were started"] if lonely else []
    nowhere = f"From {' and '.join(whose)}, no way led to a destination: nothing of that could sound." if whose else ""
    if contexts and not any(item["plays"] for item in contexts):
        yield " ".join(
            [
                f"{received}, and nothing of it reached the speaker: nothing was ever connected to an AudioContext's destination."
                if came
                else "Nothing was ever connected to an AudioContext's destination, so nothing could sound.",
                *([nowhere] if nowhere else []),
            ]
        )
        return
    if nowhere:
        yield nowhere
    silent = seen.get("recorded", {}).get("silent", False)
    if not silent or not came or set(seen.get("elsewhere", ())) & {"Worker", "ScriptProcessorNode"}:
        return
    fed = [item for item in processors if item["given"] and item["reaches"]]
    if not fed and not seen.get("started"):
        yield (
            f"{received}, and passed on none of it: no AudioWorkletNode was given samples, and no source was started. Look where the page "
            "handles that message."
        )
    elif fed and any(item["plays"] and item["state"] == "running" for item in contexts):
        names = " and ".join(f"{it['name']!r} ({it['given']} messages)" for it in fed)
        yield f"{received}. Samples were given to AudioWorkletNode {names}, which leads to a destination, and the speaker was silent all along."


def _nothing_seen(seen: Mapping[str, Any]) -> list[str]:
    """No cause is known: what went over the sockets is the best lead."""
    return [
        f"No call failed in the page and nothing in it was left unconnected. Over {item['url']} it sent "
        f"{kinds(item['out']) or 'nothing'}; what came was {kinds(item['in']) or 'nothing'}. Compare types and fields with the service's "
        "documents."
        for item in seen["sockets"]
        if item["opened"] and "out" in item
    ]


# What people will meet elsewhere


def _rates(seen: Mapping[str, Any], engine: str) -> list[str]:
    """Not what made the test fail, most likely; but it will be heard by people."""
    forced = sorted({item["asked"] for item in seen["contexts"] if item["asked"]})
    if not forced:
        return []
    rates = " and ".join(f"{rate} Hz" for rate in forced)
    found = [
        f"The page forces its AudioContext to {rates}. Safari ignores that and runs at the device's rate: what a page sends or plays as {rates} without "
        "a look at `context.sampleRate` is too fast or too slow there. Resample from the rate that it has (test: the marker "
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
