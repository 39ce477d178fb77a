"""The local agent: a small voice agent that speaks the vendors' protocols, so that the page works without a key.

Mounting:
    routes                 the routes: the vendors' own paths, and control routes for tests
    options                what can be set from outside
    hub                    what all sessions of one mounted agent share
    cors                   which pages of other origins may read the REST answers
    tokens                 tokens: minted for a key, redeemed by a socket
    records                what was heard and said in each session, for tests
    scenarios              switches and scripted faults of one session
    scenario_names         the scenarios that have a name
    scenario_language      sentences that say how the agent misbehaves

A conversation, whatever the wire:
    session                one conversation: audio and requests in, events out
    events                 the events that a conversation emits to its wire
    conversation_settings  what a client can configure, in no vendor's words
    listening              the user's side: turn detection and speech recognition
    turns                  turn detection, with voice activity detection (VAD)
    live_turn              what the turn in progress is so far, and how much silence therefore ends it
    guess                  speech recognition ahead of the end of a turn
    answering              the agent's side: replies, tool calls, interruption
    playout                playout: a reply sentence by sentence in real time
    calls                  tool calls that wait for the page's result
    tasks                  the asyncio tasks of one conversation

Speech:
    asr                    speech recognition (ASR) off the event loop
    asr_worker             the process that recognizes
    asr_live               speech recognition of one turn while it is spoken
    live_worker            the process that does that
    worker_process         both processes' pipes
    grammar                the sentences that can be recognized
    fair_queue             fair queue: whose utterance is recognized next
    audio_clock            does audio arrive faster than real time?
    tts                    speech synthesis (TTS)
    tone                   speech synthesis as one steady tone, for measurements
    pcm                    samples: resampling and encodings

What it says:
    skills                 skills: text in, reply out
    texts                  jokes and stories
    tools                  tools of the page, as the agent sees them

    wires                  the vendors' protocols, one package each
"""
