"""Connection: from the click to the server's "ready", what follows a broken line, and the end.

Where what stands:

    connection         the connection: token, socket, settings, until the server is ready
    reconnect          reconnect: decides what follows when the connection broke
    recent_fault       recent fault: the complaint that explains a close soon after it
    backoff            backoff: when the next attempt is made, and whether one is worth it
    keepalive          keepalive: probes a silent server, and finds a dead connection
    session_limit      session limit: when a session must wrap up, and when it ends
    idle               idle hang-up: ends a call in which nobody speaks
    cost               cost estimate: by the minute, and by the tokens that the vendor reports
    settings_change    settings that change during a call
    bad_messages       messages that cannot be taken: counted, logged, told
    call_end           the end of a call: goodbye, faults, the last words
"""
