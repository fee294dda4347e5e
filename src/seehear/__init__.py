"""seehear: pictures and videos to spatial sound, and sound to pictures.

>>> import seehear
>>> rendering = seehear.spatialize("cat.jpg", seconds=10)  # doctest: +SKIP
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take it for typing's; importing that would cost a third of the start-up

__version__ = "0.1.0"
__all__ = ["InputError", "batch", "concepts", "doctor", "evaluate", "inspect", "relabel", "render", "scene", "spatialize"]
__all__ += ["ambisonize", "curate", "evaluate_ambisonics", "train", "world"]

if TYPE_CHECKING:
    from seehear.types import InputError
    from seehear.verbs import ambisonize, batch, concepts, curate, doctor, evaluate, evaluate_ambisonics
    from seehear.verbs import inspect, relabel, render, scene, spatialize, train, world  # isort: skip


def __getattr__(name: str) -> object:
    """Fetch public names on first use, so that importing seehear stays light."""
    if name not in __all__:
        raise AttributeError(f"module 'seehear' has no attribute {name!r}")
    return getattr(import_module("seehear.types" if name == "InputError" else "seehear.verbs"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
