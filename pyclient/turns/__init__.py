"""Turns: who speaks, who may be heard, and when a reply is asked for.

Where what stands:

    turn_taking              turn taking: interruption, and requests for a reply
    barge_in                 barge-in: which reply may sound when the person speaks
    ducking                  ducking: the lowered voice, until it is known what the person meant
    playback_order           playback order: one voice at a time
    client_turn_detection    turn detection in the client, for servers that report no turns
    push_to_talk             push to talk: the talk key
    text_input               text input: typed messages, and whether they were answered
    echo_guard               echo guard: half duplex, and the first second of the greeting
    echo_detector            echo detector: the agent hears itself
    microphone               microphone: which frames go out; muting
    pause                    pause: the person holds the agent, and the session stays
    preconnect_audio         pre-connect audio: what was said before the call was live
"""
