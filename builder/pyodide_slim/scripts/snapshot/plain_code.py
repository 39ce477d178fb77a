"""Code objects with less in them. In the browser's Python while the memory is made, and nowhere else."""

from functools import cache
from types import CodeType

# Of a code object's table of lines: eight instructions without columns (0xEF), on the line of those before (0).
SAME_LINE = b"\xef\0"
HAS_DOCSTRING = 0x4000000  # in co_flags: the first constant is the docstring


def on_one_line(code: CodeType) -> CodeType:
    """Every instruction is on the first line of its function: a fifteenth of the snapshot told more than
    that of the library.
    """
    consts = tuple(on_one_line(it) if isinstance(it, CodeType) else it for it in code.co_consts)
    return code.replace(co_consts=consts, co_linetable=_lines(len(code.co_code) // 2))


@cache
def _lines(instructions: int) -> bytes:
    """One object for all code of the same length."""
    eights, rest = divmod(instructions, 8)
    return SAME_LINE * eights + (bytes([SAME_LINE[0] - 8 + rest, 0]) if rest else b"")


def without_docstring(code: CodeType) -> CodeType:
    """As Python compiles it with `-OO`."""
    consts = [without_docstring(it) if isinstance(it, CodeType) else it for it in code.co_consts]
    if code.co_flags & HAS_DOCSTRING:
        consts[0] = None
    return code.replace(co_consts=tuple(consts), co_flags=code.co_flags & ~HAS_DOCSTRING)
