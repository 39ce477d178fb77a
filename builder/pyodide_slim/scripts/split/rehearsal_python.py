"""Run where a call is rehearsed: what any code does with Python's own types, so that a page has all of it
before it is ready.

Each line is done with each value that it names (⏎ begins another line of code), and may fail: what is done when
something fails is needed too. Nothing is checked here; the loop of many lists brings on collections of garbage. Values
are as they come in calls: times in seconds and milliseconds, text beyond ASCII, broken input.
"""

import asyncio
import contextlib
import itertools
import traceback
from collections.abc import AsyncIterator

IMPORTS = """
import base64, contextlib, dataclasses, datetime, enum, functools, itertools, json, math, random, re, string, typing
"""
VALUES = {
    "text": ("", "plain text, 12 words", "Grüße aus Köln", "日本語", "𝒫 🎙️", "a\r\nb\tc\0", '"quoted" \\ <b>', "12.5"),
    "other": ("", "t", "text, ", "ü", "12"),
    "number": (
        0,
        1,
        -7,
        255,
        1 << 31,
        1_790_211_871,
        1_790_211_871_250,
        1 << 80,
        0.5,
        -2.75,
        1e300,
        1790211871.25,
        True,
    ),
    "second": (0, 2, -3, 1 << 40, 0.25, 1e3),
}
TEXTS = r"""
[getattr(text, name)() for name in dir(text) if name.startswith(("is", "lower", "upper", "strip", "split", "title", "case", "cap"))]
text + other, other in text, text == other, text < other, text.find(other), text.count(other), text.startswith((other, "x"))
text.replace(other, "-"), text.removeprefix(other), text.removesuffix(other), text.strip(other), other.join([text, other, text])
text.partition(other); text.split(other); text.rsplit(other, 1); text.index(other)
f"{text!r:>20}{other:^9}", f"{text} {other}", "%s %r" % (text, other), "{:>5} {!r} {name}".format(text, other, name=text)
hash(text), text[:3], text[::-1], text * 2, text[-1:], list(text), ascii(text), text.zfill(9), text.ljust(9), text.center(9), text[0]
raw = text.encode(); raw.decode(), raw + raw, raw.hex(), raw[:4], bytearray(raw), memoryview(raw)[1:].tobytes(), raw.find(b"t"), repr(raw)
base64.b64decode(base64.b64encode(text.encode())), text.encode("utf-16-le"), text.encode("ascii", "replace"), text.translate({97: "b"})
json.loads(json.dumps({text: [text, None, True]})), json.dumps(text, ensure_ascii=False), string.Template("$a").safe_substitute(a=text)
int(text)
float(text)
json.loads(text)
re.sub(r"\s+|(?P<word>\w+)", lambda it: it.group("word") or " ", text), re.findall("[a-z]+?(?=t)", text, re.I), re.split(r"[,;]\s*", text)
re.fullmatch("(a|b)*c{2,3}", text), re.search(re.escape(other), text), re.compile(r"^\S+@\S+\.\w{2,}$").match(text)
match text:⏎ case "" | "a": pass⏎ case str() as it: it.strip()
"""
NUMBERS = r"""
number + second, number - second, number * second, number == second, number < second, number >= second, max(number, second)
number / second, number // second, number % second, divmod(number, second), float(number) / second, math.floor(number / second)
int(number), float(number), str(number), repr(number), hash(number), abs(number), -number, bool(number), f"{number:.1f}", f"{number:,}"
json.loads(json.dumps([number, {"at": number}])), math.isfinite(number), round(number, 1), round(number), math.sqrt(number), number**0.5
number & 7, number | 8, number ^ 1, number << 3, number >> 1, ~number, number.bit_length(), f"{number:x}", f"{number:08b}", number**2
number.to_bytes(12, "little", signed=True), int.from_bytes(b"\1\2\3\4\5", "big"), int(str(number)), int(f"{number:x}", 16), range(number)[:2]
sum([0.1, number, second]), sorted([number, second], reverse=True), math.log10(number), math.exp(-1), math.hypot(3, 4), complex(1, 2) * 2
when = datetime.datetime.fromtimestamp(number, tz=datetime.UTC); when.isoformat(), f"{when:%A %H:%M, %d %B %Y}", when.timestamp()
datetime.datetime.fromisoformat("2026-11-25T18:30:00+01:00") + datetime.timedelta(seconds=number), datetime.date(2026, 11, 25).strftime("%x")
datetime.datetime.now().astimezone().strftime("%c %Z"), str(datetime.timedelta(seconds=second)), datetime.date.today().weekday()
random.random(), random.choice("ab"), random.randint(1, 6), random.shuffle([1, 2, 3]), random.sample(range(9), 2), random.uniform(1, 2)
"""
CONTAINERS = r"""
it = [*"abc", 1, None]; it.insert(1, "x"); it.extend(range(40)); it.remove("x"); it.pop(); it.index(1); it.count(1); it.sort(key=str); it.reverse()
it = [*range(9)]; it[1:3] = ["a"]; del it[0], it[4:6]; it[2:9:2], it[-3:], it + it, it * 2, 3 in it, it == it.copy(), [*zip(it, it[1:])]
it = {"a": 1, (1, "b"): 2, None: 3} | {2.5: 4}; it.update(a=1); it.get("none"); it.setdefault("b", []).append(1); list(it.items()); it == {**it}
it = {str(key): key for key in range(70)}; [it.pop(key) for key in [*it][::2]]; it.popitem(); list(reversed(it)); it.copy(); "b" in it; it.clear()
for i in range(60000): it = [i, {"a": [i]}, it if i % 1000 else None]
few, more = set("abc"), frozenset("bcd"); few | more, few & more, few - more, few ^ more, few <= more, few.isdisjoint(more), sorted(few)
few = set(range(99)); few.add("a"); few.discard("b"); few.update("cd"); few.pop(); few.clear()
[*itertools.chain("ab", itertools.islice(itertools.count(), 5))], [*enumerate("ab")], [*filter(None, [0, 1])], functools.reduce(max, [1, 2]), [*map(len, ["a"])]
first, *rest = range(9); any(rest), all(rest), sum(rest), min(rest), tuple(rest), {i: i * i for i in rest if i % 2}, [*reversed(rest)], (1, "a") < (1, "b")
match {"type": "a", "b": [1, 2]}:⏎ case {"type": kind, "b": [one, *_]}: str(kind)⏎ case _: pass
class Colour(enum.StrEnum):⏎ RED = "red"⏎ BLUE = "blue"⏎Colour("red"), Colour.BLUE.name, [*Colour], Colour("green")
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)⏎class Point:⏎ x: float = 0.0⏎ more: dict = dataclasses.field(default_factory=dict)⏎dataclasses.asdict(dataclasses.replace(Point(x=1.5), x=2.0)), repr(Point()), Point(x=1) < Point(x=2), hash(Point())
class Own:⏎ __slots__ = ("a",)⏎ def __init__(self, a): self.a = a⏎ def __iter__(self): yield from self.a⏎ def __len__(self): return len(self.a)⏎ def __getitem__(self, i): return self.a[i]⏎ def __eq__(self, it): return self.a == it.a⏎ def __call__(self, *values, **named): return values, named⏎ @property⏎ def first(self): return self[0]⏎ @classmethod⏎ def made(cls): return cls([1, 2])⏎it = Own.made(); [*it], len(it), 1 in it, it == Own([1]), it(1, a=2), it.first, bool(it), sorted(it), isinstance(it, Own | int), dir(it), it.none
class Kept(typing.NamedTuple):⏎ a: int⏎ b: str = ""⏎Kept(1)._replace(b="b"), Kept(1).a, typing.get_type_hints(Kept), typing.Literal["a"], typing.get_args(typing.Literal["a"])
functools.lru_cache(lambda a, b=2: a + b)(1), functools.partial(max, 1)(2), type("New", (), {"a": 1}).a, getattr(1, "none", None), callable(len), vars(type)
with contextlib.suppress(KeyError):⏎ try: {}["a"]⏎ except KeyError as error: raise ValueError("second") from error⏎ finally: pass
def deep(level): return deep(level + 1)⏎deep(0)
[][1]
None.a
1 / 0
"a" + 1
b"\xff".decode()
re.compile("(")
next(iter(()))
import no_such_module
eval("1 +")
print("said", 1, None, flush=True)
"""


def lines() -> None:
    for block, names in ((TEXTS, ("text", "other")), (NUMBERS, ("number", "second")), (CONTAINERS, ())):
        for line in block.strip().splitlines():
            code = compile(line.replace("⏎", "\n"), "<rehearsal>", "exec")
            for values in itertools.product(*(VALUES[name] for name in names)):
                scope: dict[str, object] = dict(zip(names, values, strict=True))
                exec(IMPORTS, scope)
                try:
                    exec(code, scope)
                except Exception as error:
                    _ = (str(error), repr(error), error.args, "".join(traceback.format_exception(error)))


async def waiting() -> None:
    async def soon(value: int) -> int:
        await asyncio.sleep(0)
        return value

    async def counting() -> AsyncIterator[int]:
        for number in range(3):
            yield number

    async with asyncio.timeout(9):
        await asyncio.gather(soon(1), soon(2), return_exceptions=True)
    task = asyncio.ensure_future(soon(3))
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    queue: asyncio.Queue[int] = asyncio.Queue()
    queue.put_nowait(await asyncio.wait_for(soon(4), 9))
    await queue.get()
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)
    await event.wait()
    async with asyncio.Lock():
        pass
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(1)
    _ = [number async for number in counting()]


lines()
