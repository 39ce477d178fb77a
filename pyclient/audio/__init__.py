"""Audio: samples, and what is known of those that were played.

Where what stands:

    pcm               PCM16: frames, durations, levels
    vad               voice activity detection in the client
    playout_ledger    playout ledger: how much of each reply was heard
    reply_log         reply log: what is known of each reply
    outage_buffer     outage buffer: microphone audio kept while the connection is down
"""
