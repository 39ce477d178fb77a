"""Voice activity detection in the client, for wires whose server reports no speech.

A microphone frame is loud or it is not; what counts is for how long. While the agent sounds, some of its voice comes
back through the room (echo). The echo level is learned from frames that were not loud. So a person whom a good echo
cancellation made quieter is still detected, and the agent's own voice is not taken for a person.
"""

from __future__ import annotations

from enum import Enum, unique

from pyclient.audio.pcm import peak, sample_count

# -26 dBFS: speech into a microphone with gain control peaks well above, room noise stays below.
LOUD_PEAK = 1_640
# -16 dBFS: above what is left of the agent's own voice, as long as nothing is known of it, and never asked for more.
LOUD_PEAK_OVER_AGENT = 5_200
# Speech must stand out from what comes back by 6 dB, and what came back is forgotten by half in a
# second: words have pauses.
ECHO_MARGIN = 2.0
ECHO_HALF_LIFE_MS = 1_000

SIGN_MS = 60  # a cough is shorter than a word
SPEECH_MS = 240
GAP_MS = 120  # quiet inside a word
END_MS = 500  # quiet after a sentence


@unique
class VoiceActivity(Enum):
    """What one frame tells about speech, as `VoiceActivityDetector` sees it."""

    NOTHING = "nothing"
    SIGN = "sign"  # it may be speech
    FALSE_ALARM = "false_alarm"  # it was none
    SPEECH = "speech"
    END = "end"


def is_loud(pcm: bytes) -> bool:
    """Speech is loud for longer than four samples, so looking at each fourth is enough."""
    return peak(pcm, every=4) > LOUD_PEAK


class VoiceActivityDetector:
    """Follows the frames of one microphone at `rate_hz`. Time is counted in samples."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._loud_ms = 0.0
        self._quiet_ms = 0.0
        self._sign = False
        self._echo_peak = LOUD_PEAK_OVER_AGENT / ECHO_MARGIN
        self.speaking = False

    def detect(self, pcm: bytes, over_agent: bool) -> VoiceActivity:
        """Take one frame. Returns what changed with it."""
        length_ms = sample_count(pcm) * 1000 / self._rate_hz
        if self._loud_over_agent(pcm, length_ms) if over_agent else is_loud(pcm):
            self._loud_ms += length_ms
            self._quiet_ms = 0.0
            return self._louder()
        self._quiet_ms += length_ms
        return self._quieter()

    def _loud_over_agent(self, pcm: bytes, length_ms: float) -> bool:
        level = peak(pcm, every=4)
        if level > min(LOUD_PEAK_OVER_AGENT, max(LOUD_PEAK, ECHO_MARGIN * self._echo_peak)):
            return True
        self._echo_peak = max(level, self._echo_peak * 0.5 ** (length_ms / ECHO_HALF_LIFE_MS))
        return False

    def _louder(self) -> VoiceActivity:
        if not self.speaking and self._loud_ms >= SPEECH_MS:
            self.speaking, self._sign = True, False
            return VoiceActivity.SPEECH
        if not self.speaking and not self._sign and self._loud_ms >= SIGN_MS:
            self._sign = True
            return VoiceActivity.SIGN
        return VoiceActivity.NOTHING

    def _quieter(self) -> VoiceActivity:
        if self.speaking:
            if self._quiet_ms < END_MS:
                return VoiceActivity.NOTHING
            self.speaking = False
            self._loud_ms = 0.0
            return VoiceActivity.END
        if self._quiet_ms < GAP_MS:
            return VoiceActivity.NOTHING
        self._loud_ms = 0.0
        if self._sign:
            self._sign = False
            return VoiceActivity.FALSE_ALARM
        return VoiceActivity.NOTHING
