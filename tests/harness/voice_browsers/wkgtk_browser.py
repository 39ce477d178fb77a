#!/usr/bin/python3
"""A WebKitGTK window for tests: as little browser as possible around one web view.

Run by the system's Python, which has the GTK bindings (python3-gi, gir1.2-webkit2-4.1); everything else in the
harness runs in the project's own environment. With WEBKIT_INSPECTOR_HTTP_SERVER in the environment the view can be
driven from outside; `webkit_gtk.py` does that. Prints `ready`, and `crashed <reason>` when the page's process dies.
"""

import argparse
import os
import socket

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("WebKit2", "4.1")
from gi.repository import GLib, Gtk, WebKit2  # noqa: E402  (the versions must be chosen first)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--mic", choices=("allow", "deny", "prompt"), default="allow", help="answer to microphone requests"
    )
    parser.add_argument("--autoplay", choices=("allow", "gesture"), default="gesture")
    parser.add_argument("--size", default="1000x700", help="of the window, WIDTHxHEIGHT")
    parser.add_argument("--profile", help="folder for what it keeps on disk (default: it keeps nothing)")
    parser.add_argument("--version", action="store_true", help="print the version of WebKitGTK and end")
    return parser.parse_args()


def settings(options: argparse.Namespace) -> WebKit2.Settings:
    chosen = WebKit2.Settings()
    chosen.set_enable_media_stream(True)
    chosen.set_enable_webaudio(True)
    chosen.set_enable_developer_extras(True)  # without it there is nothing to attach to
    # Without a graphics card the accelerated way is drawn by the processor too, at several times the cost.
    chosen.set_hardware_acceleration_policy(WebKit2.HardwareAccelerationPolicy.NEVER)
    chosen.set_media_playback_requires_user_gesture(options.autoplay == "gesture")
    return chosen


def context(options: argparse.Namespace) -> WebKit2.WebContext:
    if options.profile is None:
        return WebKit2.WebContext.new_ephemeral()
    folders = {f"base_{kind}_directory": os.path.join(options.profile, kind) for kind in ("cache", "data")}
    return WebKit2.WebContext.new_with_website_data_manager(WebKit2.WebsiteDataManager(**folders))


UNANSWERED: list[WebKit2.PermissionRequest] = []  # a request that nobody holds any more counts as denied


def answer_request(request: WebKit2.PermissionRequest, mic: str) -> bool:
    """Allow, deny, or leave the question open for ever as a person does who has not seen it."""
    if mic == "allow":
        request.allow()
    elif mic == "deny":
        request.deny()
    else:
        UNANSWERED.append(request)
    return True


def answer_query(query: WebKit2.PermissionStateQuery, mic: str) -> bool:
    if query.get_name() != "microphone":
        return False
    states = WebKit2.PermissionState
    query.finish({"allow": states.GRANTED, "deny": states.DENIED, "prompt": states.PROMPT}[mic])
    return True


def answer_at_once() -> bool:
    """Have the inspector's sockets send what they have. Returns True: a timer goes on.

    WebKit's inspector is several sockets within this process. What it says in two pieces the kernel sends in one: the
    second waits 40 ms, until the first is acknowledged, and a click takes half a second.
    """
    for name in os.listdir("/proc/self/fd"):
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as it:
                if it.family == socket.AF_INET and it.type == socket.SOCK_STREAM:
                    it.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            continue  # closed meanwhile
    return True


def main() -> None:
    options = arguments()
    if options.version:
        print(f"{WebKit2.get_major_version()}.{WebKit2.get_minor_version()}.{WebKit2.get_micro_version()}")
        return
    autoplay = (
        WebKit2.AutoplayPolicy.ALLOW if options.autoplay == "allow" else WebKit2.AutoplayPolicy.ALLOW_WITHOUT_SOUND
    )
    view = WebKit2.WebView(
        web_context=context(options),
        settings=settings(options),
        website_policies=WebKit2.WebsitePolicies(autoplay=autoplay),
    )
    view.connect("permission-request", lambda _view, request: answer_request(request, options.mic))
    view.connect("query-permission-state", lambda _view, query: answer_query(query, options.mic))
    view.connect("web-process-terminated", lambda _view, why: print("crashed", why.value_nick, flush=True))
    window = Gtk.Window()
    width, height = (int(part) for part in options.size.split("x"))
    window.set_default_size(width, height)
    window.add(view)
    window.connect("destroy", Gtk.main_quit)
    window.show_all()
    view.load_uri("about:blank")
    GLib.timeout_add(500, answer_at_once)
    print("ready", flush=True)
    Gtk.main()


main()
