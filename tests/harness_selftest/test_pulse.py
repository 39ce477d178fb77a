"""The virtual sound card: it carries sound, its devices obey, and nothing of it is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from voice_browsers.listen import breaks, dominant_hz, likeness, load
from voice_browsers.processes import bearing, end, end_bearing, spawn
from voice_browsers.pulse import Pulse
from voice_browsers.speech import Speech
from voice_browsers.tape import poll

pytestmark = pytest.mark.browser


def test_what_is_said_is_recorded_without_a_fault(pulse: Pulse, speech: Speech, tmp_path: Path) -> None:
    """Whatever a product test finds wrong with a sound is then not the sound card's doing."""
    said = speech.tone(700, seconds=1)
    with pulse.record(tmp_path / "mic.wav", source="mic.monitor") as tape:
        began = time.monotonic()
        pulse.say(said).wait()
        first = tape.wait_sound(timeout_s=5)
        tape.wait_silence(for_ms=100, timeout_s=5, since_ms=first)
    assert tape.started_at + first / 1000 == pytest.approx(began, abs=1.0)
    heard = load(tape.path)
    assert dominant_hz(heard) == pytest.approx(700, abs=0.2)
    assert breaks(heard, 700) == []
    assert likeness(load(said), heard).good


def test_a_listener_at_the_microphone_is_seen_and_a_recording_of_the_speaker_is_not(
    pulse: Pulse, tmp_path: Path
) -> None:
    with pulse.record(tmp_path / "speaker.wav"):
        pulse.wait_microphone_free()
    with pulse.record(tmp_path / "mic.wav", source="testmic"):
        assert [user.application for user in pulse.microphone_users()] == ["parec"]
        with pytest.raises(TimeoutError, match="parec"):
            pulse.wait_microphone_free(timeout_s=0.1)


@pytest.mark.parametrize("fault", ["mute_microphone", "suspend_microphone"])
def test_a_mute_or_suspended_microphone_hears_nothing(pulse: Pulse, speech: Speech, tmp_path: Path, fault: str) -> None:
    with pulse.record(tmp_path / "mic.wav", source="testmic") as tape:
        getattr(pulse, fault)(True)
        pulse.say(speech.tone(500, seconds=0.5)).wait()
        getattr(pulse, fault)(False)
        muted_ms = tape.duration_ms
        pulse.say(speech.tone(500, seconds=0.5)).wait()
        assert tape.wait_sound(timeout_s=5) >= muted_ms - 100


def test_devices_can_be_pulled_out_and_put_back_at_another_rate(pulse: Pulse) -> None:
    pulse.unplug_microphone()
    pulse.unplug_speaker()
    assert devices(pulse) == {}
    pulse.plug_microphone(rate_hz=16_000)
    pulse.plug_speaker(rate_hz=96_000)
    assert devices(pulse) == {"mic.monitor": 16_000, "testmic": 16_000, "speaker.monitor": 96_000}
    pulse.reset()
    assert devices(pulse) == {"mic.monitor": 48_000, "testmic": 48_000, "speaker.monitor": 48_000}


def test_the_echo_brings_the_speaker_back_into_the_microphone(pulse: Pulse, speech: Speech, tmp_path: Path) -> None:
    tone = speech.tone(900, seconds=0.7)
    with pulse.echo(), pulse.record(tmp_path / "mic.wav", source="testmic") as tape:
        subprocess.run(["paplay", "-d", "speaker", tone], env={**os.environ, **pulse.env}, check=True, timeout=20)
        tape.wait_sound(timeout_s=5)
    assert dominant_hz(load(tape.path)) == pytest.approx(900, rel=0.01)


def test_a_daemon_that_died_is_started_again_and_none_is_left_at_the_end() -> None:
    """A test that kills the sound system must not take the tests after it along."""
    with Pulse() as own:
        folder = own.env["PULSE_COOKIE"].rsplit("/", 1)[0]
        assert own._daemon is not None
        end(own._daemon)
        own.reset()
        assert set(devices(own)) == {"mic.monitor", "testmic", "speaker.monitor"}
        mark = f"PULSE_CONFIG={own.env['PULSE_COOKIE'].rsplit('/', 1)[0]}/daemon.conf"
        assert bearing(mark) != []
    assert bearing(mark) == []
    assert not Path(folder).exists()


def test_a_process_that_ignores_its_end_is_found_and_killed() -> None:
    """A browser's helper that survives would hold the microphone during the next test."""
    mark = f"PARLEY_SELFTEST={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    stubborn = spawn(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"], env={**os.environ, name: value})
    assert poll(lambda: stubborn.pid in bearing(mark), 5.0)  # between two programs its environment cannot be read
    assert stubborn.pid in end_bearing(mark, patience_s=1)
    assert end(stubborn) != 0
    assert bearing(mark) == []


def session_priority(process: int | str) -> str:
    """As Linux tells it, sched(7); empty where it does not schedule by session."""
    try:
        told = Path(f"/proc/{process}/autogroup").read_text().split()
    except OSError:
        return ""
    return told[-1] if told else ""


def by_hand(priority: str) -> str:
    """What a new session says of itself after it was given `priority` by hand: a machine may refuse that."""
    sleeper = subprocess.Popen(["sleep", "30"], start_new_session=True)
    try:
        for _ in range(100):  # others on this kernel may ask at the same time, and only one in 100 ms is heard
            try:
                Path(f"/proc/{sleeper.pid}/autogroup").write_text(priority)
            except BlockingIOError:
                time.sleep(0.03)
            except OSError:
                break
            else:
                break
        return session_priority(sleeper.pid)
    finally:
        end(sleeper)


def test_a_priority_is_told_to_the_session_and_inherited_without_one() -> None:
    """A nice value alone would say nothing to the sessions beside it. Where a machine refuses, the program runs on."""
    inherited = session_priority("self")
    for priority in (5, None):
        sleeper = spawn(["sleep", "30"], env=os.environ, priority=priority)
        told = session_priority(sleeper.pid)
        assert sleeper.poll() is None
        end(sleeper)
        assert told == by_hand(inherited if priority is None else str(priority))


def devices(pulse: Pulse) -> dict[str, int]:
    """Sources and their rates."""
    rates = {}
    for source in pulse._list("sources"):
        rates[source["name"]] = int(source["sample_specification"].split()[-1].removesuffix("Hz"))
    return rates


def test_a_program_can_be_denied_real_time_threads() -> None:
    """WebKitGTK's take the whole machine, where they are the superuser's."""
    asks = "import os; os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))"
    program = spawn([sys.executable, "-c", asks], env=os.environ, real_time=False)
    try:
        assert program.wait(20) == 1
    finally:
        end(program)
