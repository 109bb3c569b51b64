"""Whether what was measured is what was deployed: after a rollback between two scenarios replicas have the same
names."""

from collections.abc import Iterable

from readiness.checks.completeness import OBSERVE, Expected, verdict_of
from readiness.model.dataset import ScenarioEvidence
from readiness.model.image import digest_of
from readiness.model.result import DataCheck

_WORDS = "each pod of an image that its component was deployed with"


def images_as_deployed(evidence: ScenarioEvidence, _: Expected) -> Iterable[DataCheck]:
    """Every pod that was a replica, from the first look to one after the measured phase, ran an image that the sealed
    deploy stage has for its component. One whose container nobody saw start ran nothing. Where there are no images, as
    of processes, or where the plan is one of before, nothing is said."""
    deployed = evidence.images
    if deployed is None:
        return
    looked_ns, holdings = evidence.observe["looked_ns"], evidence.observe["holdings"]
    wrong = []
    if looked_ns is None or int(looked_ns) < evidence.clock.phase("measure").end_ns:
        wrong.append("nobody looked which images run after the measured phase")
    components = {str(holding["component"]) for holding in holdings}
    wrong += [f"no image of {name} is known as deployed" for name in sorted(components) if not deployed.get(name)]
    for holding in holdings:
        component, digest = str(holding["component"]), digest_of(str(holding["image_id"]))
        if digest and digest not in deployed.get(component, ()):
            known = " or ".join(deployed.get(component, ())) or "nothing"
            wrong.append(f"{holding['replica']}: the pod {holding['pod']} ran {digest}, deployed was {known}")
    if not holdings:
        wrong.append("no pod is known as a replica")
    pods = len({str(holding["pod"]) for holding in holdings})
    yield verdict_of(OBSERVE, "images as deployed", _WORDS, wrong, f"{pods} pods")
