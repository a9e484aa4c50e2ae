"""A pickle machine that builds values and never imports, looks up or calls what a pickle names.

Python's own unpickler fetches any object by its dotted name and calls it. This one knows the opcodes (their arguments are read as the
standard library's `pickletools` documents them) and hands every name, call and state to `mien.convert.builders`, which has a table of
what holds numbers. What is not in the table is refused, at whatever depth of calls, attributes or memo entries it stands.
"""

import codecs
import pickletools
import reprlib
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from io import BufferedIOBase
from typing import Any, Protocol, cast, runtime_checkable

from mien.errors import WeightsError

_OPCODES = {opcode.code.encode("latin1"): opcode for opcode in pickletools.opcodes}
_STOP = "STOP"
_CONSTANTS: Mapping[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: Mapping[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "EMPTY_SET": set}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
#: Opcodes whose argument is the value that they push; the text and byte strings of Python 2 are read as latin1.
_VALUES = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
})  # fmt: skip
_PARTS = 16  # of a key that is a tuple
_NOTHING = frozenset({"PROTO", "FRAME"})
_KNOWN = frozenset({*_VALUES, *_NOTHING, *_CONSTANTS, *_EMPTY, *_TUPLES})


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2


class Name(tuple[str, str]):
    """A module and the name of something in it, as a pickle spells them; nobody looks it up."""

    __slots__ = ()

    def __str__(self) -> str:
        return ".".join(self)


@runtime_checkable
class Builders(Protocol):
    """What the machine asks for everything that is no plain value."""

    def check(self, name: Name, /) -> None:
        """Raises `WeightsError` for a name that no file of numbers needs."""
        ...

    def call(self, name: Name, arguments: tuple[Any, ...], /) -> Any:
        """The value of calling the function or class of that name, or a stand-in for it."""
        ...

    def build(self, thing: Any, state: Any, /) -> None:
        """Give a stand-in its state."""
        ...

    def persistent(self, key: Any, /) -> Any:
        """What is kept outside the pickle under that key."""
        ...


class Machine:
    """Runs one pickle from a file and leaves the file behind its last byte."""

    def __init__(self, file: BufferedIOBase, builders: Builders) -> None:
        self._file = file
        self._builders = builders
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self) -> Any:
        """The value that the pickle describes, with stand-ins in it.

        Raises `WeightsError` for what is refused, and the errors of Python's containers for a pickle that is not whole.
        """
        while (code := self._next()) is not None:
            opcode, argument = code
            if opcode in _VALUES:
                self._stack.append(argument)
            elif opcode not in _NOTHING:
                self._step(opcode, argument)
        return self._stack.pop()

    def _next(self) -> tuple[str, Any] | None:
        """The name and the argument of the next opcode; None at the end of the pickle."""
        byte = self._file.read(1)
        if not byte:
            raise EOFError("it ends before its end")
        opcode = _OPCODES.get(byte)
        if opcode is None:
            raise ValueError(f"byte {byte!r} begins no opcode")
        if opcode.name == _STOP:
            return None
        if not (opcode.name in _KNOWN or hasattr(self, f"_op_{opcode.name.lower()}")):
            raise WeightsError(f"the pickle uses the opcode {opcode.name}, which no file of numbers needs: refused")
        if opcode.name == "GLOBAL":
            return opcode.name, (self._line().decode(), self._line().decode())
        if opcode.name == "STRING":  # pickletools takes the text for ASCII; arrays of Python 2 are not
            return opcode.name, codecs.escape_decode(self._line()[1:-1])[0].decode("latin1")
        return opcode.name, None if opcode.arg is None else opcode.arg.reader(cast(Any, self._file))

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("it ends in the middle of a line")
        return line[:-1]

    def _step(self, opcode: str, argument: Any) -> None:
        if opcode in _CONSTANTS:
            self._stack.append(_CONSTANTS[opcode])
        elif opcode in _EMPTY:
            self._stack.append(_EMPTY[opcode]())
        elif opcode in _TUPLES:
            self._stack.append(tuple(self._take(_TUPLES[opcode])))
        else:
            getattr(self, f"_op_{opcode.lower()}")(argument)

    def _take(self, count: int) -> list[Any]:
        if not 0 <= count <= len(self._stack):
            raise IndexError("the stack is empty")
        taken = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return taken

    def _since_mark(self) -> list[Any]:
        return self._take(len(self._stack) - self._marks.pop())

    def _op_mark(self, _: None) -> None:
        self._marks.append(len(self._stack))

    def _op_pop_mark(self, _: None) -> None:
        self._since_mark()

    def _op_pop(self, _: None) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._stack.pop()

    def _op_dup(self, _: None) -> None:
        self._stack.append(self._stack[-1])

    # --- the memo: a dictionary, so that an entry of a huge number takes no more room than another

    def _op_put(self, index: int) -> None:
        self._memo[index] = self._stack[-1]

    _op_binput = _op_long_binput = _op_put

    def _op_memoize(self, _: None) -> None:
        self._memo[len(self._memo)] = self._stack[-1]

    def _op_get(self, index: int) -> None:
        if index not in self._memo:
            raise LookupError("it recalls a value that it never stored")
        self._stack.append(self._memo[index])

    _op_binget = _op_long_binget = _op_get

    # --- containers

    def _op_tuple(self, _: None) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _op_list(self, _: None) -> None:
        self._stack.append(self._since_mark())

    def _op_dict(self, _: None) -> None:
        items = self._since_mark()
        self._stack.append(dict(zip(hashed(items[::2]), items[1::2], strict=True)))

    def _op_frozenset(self, _: None) -> None:
        self._stack.append(frozenset(hashed(self._since_mark())))

    def _op_append(self, _: None) -> None:
        self._extend(self._take(1))

    def _op_appends(self, _: None) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Any]) -> None:
        self._top(list, "appends to").extend(items)

    def _op_additems(self, _: None) -> None:
        items = self._since_mark()
        self._top(set, "adds to").update(hashed(items))

    def _op_setitem(self, _: None) -> None:
        self._set(self._take(2))

    def _op_setitems(self, _: None) -> None:
        self._set(self._since_mark())

    def _set(self, items: list[Any]) -> None:
        self._top(dict, "sets items of").update(zip(hashed(items[::2]), items[1::2], strict=True))

    def _top(self, kind: type, does: str) -> Any:
        thing = getattr(self._stack[-1], "items_of", self._stack[-1])  # a stand-in of a class that extends a container
        if not isinstance(thing, kind):
            raise WeightsError(f"the pickle {does} {described(thing)}: refused")
        return thing

    # --- names and calls

    def _op_global(self, argument: tuple[str, str]) -> None:
        self._push_name(*argument)

    def _op_stack_global(self, _: None) -> None:
        module, name = self._take(2)
        if not isinstance(module, str) or not isinstance(name, str):
            raise WeightsError(f"the pickle names a thing by {described(module)} and {described(name)}: refused")
        self._push_name(module, name)

    def _push_name(self, module: str, name: str) -> None:
        found = Name((module, name))
        self._builders.check(found)
        self._stack.append(found)

    def _op_reduce(self, _: None) -> None:
        function, arguments = self._take(2)
        self._stack.append(self._call(function, arguments))

    _op_newobj = _op_reduce  # makes an object of a class from arguments

    def _op_newobj_ex(self, _: None) -> None:
        kind, arguments, named = self._take(3)
        if named:
            raise WeightsError(f"the pickle makes {described(kind)} with named arguments, which no file of numbers needs: refused")
        self._stack.append(self._call(kind, arguments))

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Name):
            raise WeightsError(f"the pickle calls {described(function)}, which is no function: refused")
        if not isinstance(arguments, tuple):
            raise WeightsError(f"the pickle calls {function} with {described(arguments)} for its arguments: refused")
        return self._builders.call(function, arguments)

    def _op_build(self, _: None) -> None:
        (state,) = self._take(1)
        self._builders.build(self._stack[-1], state)

    def _op_binpersid(self, _: None) -> None:
        self._stack.append(self._builders.persistent(self._take(1)[0]))


def described(thing: Any) -> str:
    """A value in a few words for a message: a name as it is spelt, all else by its type."""
    return str(thing) if isinstance(thing, Name) else f"a value of type {type(thing).__name__}"


def shown(thing: Any) -> str:
    """A value for a message as Python writes it, cut off where it is long or deep."""
    return _SHORT.repr(thing)


def hashed(things: Iterable[Any]) -> list[Any]:
    """What becomes keys or elements of a set; raises `WeightsError` when a tuple among them is long or holds another.

    A tuple is hashed through all that it holds, on the stack of C and once for each time that a part is named: two hundred thousand of
    them in one another end the process, forty doubled ones never end.
    """
    held = list(things)
    for thing in held:
        parts = thing if type(thing) is tuple else (thing,)
        if len(parts) > _PARTS or any(type(part) in (tuple, frozenset) for part in parts):
            raise WeightsError("the pickle has a key of many parts, or of parts in parts, which no file of numbers needs: refused")
    return held


#: What a file that is not whole does to the machine, its containers and the archive around it.
_BROKEN = (
    *(EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError, RecursionError, NotImplementedError),
    *(struct.error, zipfile.BadZipFile, zlib.error, DeprecationWarning),  # the last: odd escapes, where warnings are errors
)


@contextmanager
def whole(name: str, kind: str) -> Generator[None]:
    """Whatever goes wrong inside is a `WeightsError` that begins with `name` and tells why."""
    try:
        yield
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from None
    except _BROKEN as error:
        raise WeightsError(f"{name} is not a whole {kind} ({error}): fetch it again") from error
