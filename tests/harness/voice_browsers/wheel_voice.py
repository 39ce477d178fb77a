"""The wheel `espeakng-loader` as a program: what `speech.py` asks where `espeak-ng` is not installed.

    python wheel_voice.py VOICE WORDS_PER_MINUTE TEXT > speech.wav

A process of its own, because the library has one voice and one callback for a whole process, and the local agent may
speak in the one that asks.
"""

from __future__ import annotations

import ctypes
import sys
import wave
from typing import Any

_SYNCHRONOUS, _RATE, _UTF8 = 2, 1, 1


def main(voice: str, words_per_minute: str, text: str) -> None:
    """Write a WAV to the standard output; ends with a message where that cannot be done."""
    try:
        import espeakng_loader
    except ImportError:
        sys.exit("no voice: install the program espeak-ng, or pytest-voice-browsers[voice]")
    engine = ctypes.CDLL(str(espeakng_loader.get_library_path()))
    rate_hz = engine.espeak_Initialize(_SYNCHRONOUS, 0, str(espeakng_loader.get_data_path()).encode(), 0)
    if rate_hz <= 0:
        sys.exit("espeak-ng of the package espeakng-loader did not start")
    if engine.espeak_SetVoiceByName(voice.encode()) != 0:
        sys.exit(f"espeak-ng has no voice {voice!r}")
    engine.espeak_SetParameter(_RATE, int(words_per_minute), 0)
    blocks: list[bytes] = []

    def collect(pcm: Any, count: int, _events: Any) -> int:
        if pcm and count > 0:
            blocks.append(ctypes.string_at(pcm, 2 * count))
        return 0

    callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(collect)
    engine.espeak_SetSynthCallback(callback)  # held by this name: the library does not keep it alive
    raw = text.encode() + b"\0"
    engine.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, 0, 0, _UTF8, None, None)
    with wave.open(sys.stdout.buffer, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate_hz)
        out.writeframes(b"".join(blocks))


if __name__ == "__main__":
    main(*sys.argv[1:])
