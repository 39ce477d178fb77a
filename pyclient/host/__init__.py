"""Host: the only floor that knows a browser, and Pyodide.

Where what stands:

    pyodide_host    the browser host: runs the commands of a session, tells it events
    intents         what the person did in the page, as events
    page_tools      page tools and approval: asks the page, or the person
    token_answer    the token route's answer as an event
    recorder        session recorder: what goes into the core and what comes out, for a session bundle
    redaction       redaction: placeholders for secrets
    lazy_stdlib     the rest of the standard library, fetched when it is imported
"""
