"""The command ``concepts``."""

from __future__ import annotations

import json
import sys

from seehear.cli.flags import AsJson, Help, command
from seehear.cli.terminal import say


@command("concepts")
def concepts(json_: AsJson = False, help_: Help = False) -> None:
    """List every sound that --say and --object know, with its other words."""
    from seehear.verbs import concepts as verb

    if json_:
        listed = json.dumps([{"name": c.name, "kind": c.kind, "words": c.words} for c in verb()], ensure_ascii=False)
    else:
        known = verb()
        width = max(len(each.name) for each in known)
        listed = "\n".join(f"{each.name:{width}s} {each.kind:8s} {', '.join(each.words)}" for each in known)
    say(listed, sys.stdout)
