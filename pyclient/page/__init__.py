"""Page: what people see and read.

Where what stands:

    view            the view's shape, and the status line
    transcript      transcript: turns in their order
    spacing         the spaces between the words of a transcript
    notices         notices: what people are told when something goes wrong
    notice_texts    the tables of what they are told
"""
