"""Audio in JSON: where a wire has it, for a host that can move base64 itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioJson:
    """Where audio stands in a wire's JSON, for a host that can move base64 itself (see `audio_fast_path`).

    A captured frame is `before`, its base64, `behind`: exactly what `encode_audio` makes of it, which must keep
    nothing of the frame in mind. A message is audio of a reply where its field `type_field` holds `type`; then
    `reply_field` holds the reply's id and `data_field` the base64, and `decode` makes one `ReplyAudio` of it and
    keeps nothing in mind.
    """

    before: str
    behind: str
    type: str
    reply_field: str
    data_field: str
    type_field: str = "type"
