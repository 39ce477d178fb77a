"""Run in the browser's Python, in Node: the standard library and the client as bytecode.

Compiling leaves garbage in memory, and a snapshot ships all of it: so it is done in another runtime than the one that
is kept. Columns of lines are left out (PYTHONNODEBUGRANGES): they are for showing source, and a browser has none.

What is bytecode already stays as it is. Writes `compiled.zip`, and where modules are to be deferred (`deferred.txt`),
`deferring.zip`: the same, with `deferred_module.py` in the place of each, and with what is `OURS`.
"""

import ast
import importlib.util
import marshal
import os
import zipfile

from plain_code import on_one_line  # type: ignore[import-not-found]

LIBRARY, CLIENT, FOLDER = "/lib/python314.zip", "/tmp/client.whl", "/tmp/"
# What is in the snapshot under which name: instead of Pyodide's, and beside the library.
OURS = {
    "pyodide/_package_loader.pyc": "package_loader.py",
    "_visitor.pyc": "visitor.py",
    "plain_code.pyc": "plain_code.py",
}
DATES = (1980, 1, 1, 0, 0, 0)


class WithoutHints(ast.NodeTransformer):
    """Takes what only readers and type checkers want: the hints of functions and of modules.

    Those of classes make dataclasses.
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._without(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._without(node)

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        node.body = [plain for statement in node.body for plain in without_hint(statement)]
        return node

    def _without(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        self.generic_visit(node)
        if any(isinstance(it, ast.Attribute) and it.attr == "register" for it in node.decorator_list):
            return node  # `functools.singledispatch` reads which type it is for
        node.returns = None
        every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs, node.args.vararg, node.args.kwarg]
        for argument in every:
            if argument is not None:
                argument.annotation = None
        return node


def without_hint(statement: ast.stmt) -> list[ast.stmt]:
    if not isinstance(statement, ast.AnnAssign):
        return [statement]
    if statement.value is None:
        return []
    return [ast.copy_location(ast.Assign(targets=[statement.target], value=statement.value), statement)]


def compiled(name: str, source: bytes) -> bytes:
    tree = WithoutHints().visit(ast.parse(source))
    code = compile(tree, f"{LIBRARY}/{name}", "exec", dont_inherit=True, optimize=2)
    if not name.startswith("pyclient/"):
        code = on_one_line(code)
    # Flags 1: checked against a hash, and never checked (PEP 552): there is no source to check against.
    head = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little") + importlib.util.source_hash(source)
    return head + marshal.dumps(code)


def main() -> None:
    files: dict[str, bytes] = {}
    for path in (LIBRARY, CLIENT):
        if not os.path.exists(path):
            continue
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                data = archive.read(name)
                if name.endswith(".py"):
                    files[name + "c"] = compiled(name, data)
                elif not name.endswith("/py.typed"):  # for type checkers alone
                    files[name] = data
    write("compiled.zip", files)
    if not os.path.exists(FOLDER + "deferred.txt"):
        return
    with open(FOLDER + "deferred.txt") as file:
        deferred = set(file.read().split())
    with open(FOLDER + "deferred_module.py", "rb") as file:
        stand_in = compiled("deferred_module.py", file.read())
    for target in files:
        module = target.removesuffix(".pyc").removesuffix("/__init__").replace("/", ".")
        if module in deferred:
            deferred.remove(module)
            files[target] = stand_in
    for target, name in OURS.items():
        with open(FOLDER + name, "rb") as file:
            files[target] = compiled(name, file.read())
    if deferred:
        raise RuntimeError(f"to be deferred, but not in the library: {', '.join(sorted(deferred))}")
    write("deferring.zip", files)


def write(name: str, files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(FOLDER + name, "w", zipfile.ZIP_STORED) as archive:
        for target, data in files.items():
            archive.writestr(zipfile.ZipInfo(target, DATES), data)


main()
