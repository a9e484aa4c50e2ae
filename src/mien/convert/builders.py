"""The table of what a pickle may name: containers, arrays, sparse matrices, tensors, and classes that only hold settings."""

from collections.abc import Callable, Mapping
from functools import partial
from io import BufferedIOBase
from typing import Any

from mien.convert import tensors
from mien.convert.machine import Machine, Name, described, hashed, shown
from mien.convert.standins import SPARSE, Array, Bag, Buffer, Chumpy, Kind, Persistent, Scalar, Sparse, StandIn
from mien.errors import WeightsError


def _pairs(items: Any = ()) -> dict[Any, Any]:
    pairs = [(key, value) for key, value in (items.items() if isinstance(items, dict) else items)]
    return dict(zip(hashed(key for key, _ in pairs), (value for _, value in pairs), strict=True))


def _set(items: Any = ()) -> set[Any]:
    return set(hashed(items))


def _frozenset(items: Any = ()) -> frozenset[Any]:
    return frozenset(hashed(items))


def _latin(text: Any, encoding: Any = "latin1") -> bytes:
    """How protocol 2 spells bytes: ``_codecs.encode(text, "latin1")``; other codecs are refused."""
    if encoding not in ("latin1", "latin-1", "iso-8859-1") or not isinstance(text, str):
        raise WeightsError(f"the pickle has bytes as {described(text)} in {shown(encoding)}; only text in latin1 is read")
    return text.encode("latin1")


def _bytearray(content: Any = b"", encoding: Any = "latin1") -> bytes:
    if isinstance(content, str):
        return _latin(content, encoding)
    if not isinstance(content, bytes | bytearray):
        raise WeightsError(f"the pickle makes a bytearray of {described(content)}: refused")
    return bytes(content)


def _first(value: Any, *_: Any) -> Any:
    return value


_Makers = Mapping[tuple[str, str], Callable[..., Any]]

_CONTAINERS: _Makers = {
    ("collections", "OrderedDict"): _pairs,
    ("_codecs", "encode"): _latin,
    **{
        (module, name): make
        for module in ("builtins", "__builtin__")
        for name, make in (("set", _set), ("frozenset", _frozenset), ("bytearray", _bytearray))
    },
}
_ARRAYS: _Makers = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): Array for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): Scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): Buffer for core in ("core", "_core")},
    ("numpy", "dtype"): Kind,
    **{
        (f"scipy.sparse.{module}", f"{kind}_matrix"): partial(Sparse, build)
        for kind, build in SPARSE.items()
        for module in (kind, f"_{kind}")
    },
}
_TENSORS: _Makers = {
    ("torch._utils", "_rebuild_tensor"): tensors.Strided,
    ("torch._utils", "_rebuild_tensor_v2"): tensors.Strided,
    ("torch._utils", "_rebuild_tensor_v3"): tensors.retyped,
    ("torch._utils", "_rebuild_parameter"): _first,
    ("torch._utils", "_rebuild_parameter_with_state"): _first,
    ("torch", "Size"): tuple,
    **{("torch.jit._pickle", f"build_{kind}list"): _first for kind in ("int", "double", "bool", "tensor")},
    ("torch.jit._pickle", "restore_type_tag"): _first,
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): Persistent,
}
#: Classes whose objects hold settings beside the numbers, and are kept as what they hold.
_SETTINGS = {
    ("argparse", "Namespace"),
    ("collections", "defaultdict"),
    ("collections", "Counter"),
    ("easydict", "EasyDict"),
    ("yacs.config", "CfgNode"),
    ("dnnlib.util", "EasyDict"),
    ("torch", "device"),
    *(("pathlib", kind) for kind in ("Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath")),
}
#: Packages of which the same is true of every class; ``__torch__`` are the modules of a TorchScript archive.
_PACKAGES = ("omegaconf", "pytorch_lightning", "lightning", "lightning_fabric", "__torch__")
#: What is named without being called: types of elements and arguments of settings.
_TYPES = {
    ("numpy", "ndarray"),
    ("torch", "Tensor"),
    ("torch.nn.parameter", "Parameter"),
    ("typing", "Any"),
    *((module, kind) for module in ("builtins", "__builtin__") for kind in ("object", "dict", "list", "int", "float", "str", "bool")),
    *(("torch", str(kind).removeprefix("torch.")) for kind in tensors.KINDS.values()),
    *tensors.KINDS,
    *tensors.BYTES,
}


def _bag(name: Name) -> bool:
    package = name[0].split(".")[0]
    return name in _SETTINGS or (package in _PACKAGES and name[1].isidentifier())


class TableOfBuilders:
    """Builds what the table has, and refuses all else by name.

    `persistent` gives the storage of a persistent id; `nested` reads a torch file that a pickle carries inside itself.
    """

    def __init__(self, persistent: Callable[[Any], Any], nested: Callable[[bytes], Any]) -> None:
        self.persistent = persistent
        self._makers: _Makers = {
            **_CONTAINERS,
            **_ARRAYS,
            **_TENSORS,
            ("torch.storage", "_load_from_bytes"): nested,
            ("torch._tensor", "_rebuild_from_type_v2"): self._typed,
            **{(module, "_reconstructor"): self._reconstructed for module in ("copyreg", "copy_reg")},
        }

    def check(self, name: Name, /) -> None:
        """Raises `WeightsError` for a name that is not in the table."""
        if not (name in self._makers or name in _TYPES or _bag(name) or name[0].split(".")[0] == "chumpy"):
            raise WeightsError(f"the pickle asks for {name}, which holds no numbers: refused; get the file from its publisher")

    def call(self, name: Name, arguments: tuple[Any, ...], /) -> Any:
        """The value, or a stand-in for it."""
        self.check(name)
        if name in self._makers:
            return self._makers[name](*arguments)
        if name[0].split(".")[0] == "chumpy":
            return Chumpy()
        if _bag(name):
            return Bag()
        raise WeightsError(f"the pickle calls {name}, which is only a type: refused; get the file from its publisher")

    def build(self, thing: Any, state: Any, /) -> None:
        """Give a stand-in its state; attributes of a dictionary are forgotten."""
        if isinstance(thing, StandIn):
            thing.build(state)
        elif not isinstance(thing, dict):
            raise WeightsError(f"the pickle sets attributes of {described(thing)}: refused; get the file from its publisher")

    def _reconstructed(self, kind: Any, base: Any, state: Any) -> Any:
        """How protocols 0 and 1 make an object of a class."""
        if not isinstance(kind, Name) or base not in (("builtins", "object"), ("__builtin__", "object")) or state is not None:
            raise WeightsError(f"the pickle rebuilds {described(kind)}, which holds no numbers: refused; get the file from its publisher")
        return self.call(kind, ())

    def _typed(self, function: Any, _: Any, arguments: Any, __: Any) -> Any:
        """A tensor with attributes of its own, which are forgotten."""
        if not isinstance(function, Name) or function not in _TENSORS:
            raise WeightsError(f"the pickle makes a tensor by {described(function)}: refused")
        return self.call(function, arguments)


def run(file: BufferedIOBase, *, persistent: Callable[[Any], Any], nested: Callable[[bytes], Any]) -> Any:
    """One pickle from a file, with stand-ins in it for `mien.convert.standins.finish`; arguments as of `TableOfBuilders`."""
    return Machine(file, TableOfBuilders(persistent, nested)).run()
