"""Core: what a session is told and asks for, the table of states, and what all floors need. Knows no other floor.

Where what stands:

    events           what a session can be told
    server_events    those of them that a codec makes of the server's messages
    commands         what a session asks of its host
    command_queue    the commands of one event, and the timers that run
    states           the state machine as a table: what is legal when
    errors           the exceptions, by whose fault it is
    safejson         JSON parsing with limits, for messages from the network
    audio_json       where a wire's JSON has audio, for the fast path
    graphemes        grapheme boundaries: where text may be cut
"""
