"""Whether the stages' own image can become another one between two stages, where the release's images cannot."""

import os
import re
from collections.abc import Iterator

from readiness.clients.kubernetes.doctor.ground import Ground, pod_specs
from readiness.model.finding import Finding, fine, problem, unknown
from readiness.model.kubernetes_environment import IN_CLUSTER, STAGE_IMAGE

_BY_DIGEST = re.compile(r"^[^@\s]+@sha256:(?!0{64}$)[0-9a-f]{64}$")


def stage_image(ground: Ground) -> Iterator[Finding]:
    """By digest where every image of the overlay is: nobody knows what has judged a release if that can be replaced."""
    images = [str(one.get("image", "")) for _, spec in pod_specs(ground.objects)
              for part in ("initContainers", "containers") for one in spec.get(part, [])]  # fmt: skip
    if not all(map(_BY_DIGEST.match, images)):
        yield fine("image", f"{ground.environment.cluster.overlay} has images by tag; stages.image may have one, too")
        return
    in_pod = ground.kubectl.context == IN_CLUSTER
    named = os.environ.get(STAGE_IMAGE, "") if in_pod else ground.environment.stages.image
    if not named:
        yield unknown("image", f"this pod does not say of which image it is ({STAGE_IMAGE} is not set), and the "
                      "overlay has its images by digest")  # fmt: skip
    elif not _BY_DIGEST.match(named):
        # What is of no matter to a run from a shell has the name of what only stages in pods need.
        yield problem("image" if in_pod else "stages", f"stages.image: {named} is a name that can be given to another "
                      f"image, and {ground.environment.cluster.overlay} has its images by digest; write "
                      f"{named.partition('@')[0]}@sha256:... with the digest that your registry has "
                      "(docker buildx imagetools inspect)")  # fmt: skip
    else:
        yield fine("image", "the stages' image is named by its digest, as those of the overlay are")
