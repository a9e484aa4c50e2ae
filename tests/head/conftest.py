import sys
import types

import pytest


@pytest.fixture
def chumpy(monkeypatch):
    """Wraps an array in an object that pickles as ``chumpy.ch.Ch`` does; chumpy itself is not needed."""
    module = types.ModuleType("chumpy.ch")
    module.Ch = type("Ch", (), {"__module__": "chumpy.ch", "__qualname__": "Ch"})
    monkeypatch.setitem(sys.modules, "chumpy", types.ModuleType("chumpy"))
    monkeypatch.setitem(sys.modules, "chumpy.ch", module)

    def wrap(array):
        thing = module.Ch()
        thing.__dict__.update({"x": array, "_dirty_vars": set()})
        return thing

    return wrap
