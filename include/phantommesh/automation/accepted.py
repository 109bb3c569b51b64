"""An event on its way into the database: the observation, its assessment, and the incident that it joins."""

import uuid

import msgspec

from phantommesh.automation.assess import Assessment
from phantommesh.automation.events import Observation


class Accepted(msgspec.Struct, gc=False):
    """due: bit mask over CHANNELS. opening: the incident is not known here, incident_id is then the one to open if
    there is none. remedy: a remediation is to be asked for. opened: it opened its incident (said by the database)."""

    event: Observation
    assessment: Assessment
    due: int
    incident_id: uuid.UUID
    opening: bool
    remedy: bool
    opened: bool = False
