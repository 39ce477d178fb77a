"""Helpers of the server's tests: real servers, real clients, and what they said.

Servers:
    server_support  a real server on a free port, a fake provider, raw requests
    agent_support   a real server with the local agent alone, and speech for it
    shared_recognizer  one speech recogniser for all of them
    redis_server    a real Redis that can be killed and started again
    vendors         what is known of each vendor: settings, call, answer
    conversing      a conversation of the local agent with fake speech

Clients:
    inbox           what a client has received, and waiting for more
    vendor_client   a whole client of AssemblyAI's protocol
    openai_client   the vendor's own package, and a judge of every event
    openai_socket   the OpenAI wire as a page meets it
    sdk_client      a client of the SDK-style wire
    event_order     judges the order of all events of a session
    process_client  a real client in a process of its own
    client_installs  installs real clients of other people
"""
