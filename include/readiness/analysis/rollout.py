"""Whose fault a rollout is that did not come to its end: the release's, or that of what surrounds it.

What is not known convicts nobody: a registry that could not be asked, a time that was over without a named cause.
"""

import re
from typing import Any

_SURROUNDINGS = frozenset({"unschedulable", "quota"})
_OWN = frozenset({"crash", "config"})
"""What a release brings along - or what it needs and does not find there, which one that came up again rules out."""
_AT_ONCE = re.compile(r"\b(InvalidImageName|ErrImageNeverPull)\b")
"""The kubelet asks no registry: the name is none, or the image is to be in the node and is not."""
_ABSENT = re.compile(
    r"failed to resolve reference \S+ \S+: not found"  # containerd: "... \"IMAGE\": IMAGE: not found"
    r"|manifest unknown"  # CRI-O: "reading manifest TAG in NAME: manifest unknown"; docker ends in the same words
    r"|name unknown|repository name not known to registry",  # the registry's own words (OCI distribution: NAME_UNKNOWN)
    re.IGNORECASE,
)
"""A registry answered, and says that it does not have the image."""
_NOT_KNOWN = re.compile(
    r"denied|unauthori[sz]ed|authentication|authorization|forbidden|credential|may require|too ?many ?requests"
    r"|rate limit|refused|timed? ?out|timeout|deadline|no such host|no route|unreachable|reset by peer|EOF|dial tcp"
    r"|lookup |x509|certificate|tls|server misbehaving|\b(429|5\d\d)\b",
    re.IGNORECASE,
)
"""It could not be asked, or would not say: many answer so for an image that is there, to a secret that has expired."""


def release_fault(facts: dict[str, Any]) -> str:
    """Why the version under test is to be rejected, in words; empty where its rollout failed for another reason, or for
    none that is known, which convicts nobody. ``facts``: rollout.json.

    An image of it that is not there is a release that cannot be shipped, whatever else is wrong. For what its
    containers do, nothing else may stand in the way, and the release of before - where there was one - must have come
    up again on the same surroundings."""
    troubles, left = facts["troubles"], facts["unfinished"]
    mine = [one for one in troubles if one["of_release"]]
    said = [one for one in mine if one["what"] == "image" and _is_absent(one, facts["events"])]
    if not said:
        others = any(not one["of_release"] for one in left)
        if others or any(one["what"] in _SURROUNDINGS for one in troubles) or facts["rolled_back"] is False:
            return ""
        said = [one for one in mine if one["what"] in _OWN] if left else []
    if not said:
        return ""
    words = [f"{one['component']}: {one['text']}" for one in said]
    return f"the version under test did not come up: {'; '.join(dict.fromkeys(words))}; {facts['rollback']}"


def _is_absent(trouble: dict[str, Any], events: list[str]) -> bool:
    """Whether it is known that the image is not there. A pod that waits between two tries ("ImagePullBackOff") does not
    say why in every release of Kubernetes; its events do."""
    text = str(trouble["text"])
    if _AT_ONCE.search(text.partition(" cannot be had: ")[2].partition(" ")[0]):
        return True
    pod = trouble["pod"]
    told = [text, *(line for line in events if pod and line.startswith(f"{pod}: ") and trouble["image"] in line)]
    told = [line.replace(str(trouble["image"]), "IMAGE") for line in told]
    return any(_ABSENT.search(line) for line in told) and not any(_NOT_KNOWN.search(line) for line in told)
