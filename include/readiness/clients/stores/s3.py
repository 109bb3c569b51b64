"""Objects in S3, through s3fs: how it is asked, and what its errors mean.

Credentials, region and endpoint come from where every S3 client has them (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_S3, a profile, a role). Importing s3fs takes about a second, so it is
imported when the first object is asked for.
"""

import os
import re
from typing import Any

from readiness.clients.stores.objects import Failures

PATIENCE_S = 60.0
"""An endpoint that is away for half a minute - a pod that moves to another node - costs no evidence."""
_CONNECT_S, _READ_S = 5.0, 20.0
_PRECONDITION_FAILED = 412
_PASSING_STATUS = (408, 409, 429, 500, 502, 503, 504)
_REFUSED = {
    "NoSuchBucket": "there is no such bucket; create it, or correct the address",
    "InvalidAccessKeyId": "the service does not know this AWS_ACCESS_KEY_ID; is it that of this endpoint?",
    "XAdminUserNotFound": "the service does not know this AWS_ACCESS_KEY_ID; is it that of this endpoint?",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not fit AWS_ACCESS_KEY_ID",
    "ExpiredToken": "the credentials have expired; get new ones",
    "RequestTimeTooSkewed": "this machine's clock is wrong: the service refuses its signatures; set it",
    "PermanentRedirect": "the bucket is in another region; set AWS_REGION to it",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set AWS_REGION to it",
    "IllegalLocationConstraintException": "the bucket is in another region; set AWS_REGION to it",
    "InvalidBucketName": "that is no bucket's name; correct the address",
}


def s3_filesystem() -> Any:
    """The file system, not connected yet. Nothing is cached, and the retries are those of Objects alone."""
    import s3fs

    filesystem = s3fs.S3FileSystem(
        anon=False,
        use_listings_cache=False,
        skip_instance_cache=True,
        config_kwargs={
            "connect_timeout": _CONNECT_S,
            "read_timeout": _READ_S,
            "retries": {"mode": "standard", "total_max_attempts": 1},
        },
    )
    filesystem.retries = 1
    return filesystem


def s3_failures() -> Failures:
    """What the errors of ``s3_filesystem`` mean."""
    return Failures(_passing, _absent, _taken, _explain)


def _passing(error: Exception) -> bool:
    from aiohttp import ClientError as ConnectionLost
    from botocore.exceptions import ConnectionError as Unreachable
    from botocore.exceptions import HTTPClientError, SSLError

    if isinstance(error, SSLError):
        return False
    return (
        isinstance(error, (Unreachable, HTTPClientError, ConnectionLost, ConnectionError, TimeoutError))
        or _status(error) in _PASSING_STATUS
    )


def _absent(error: Exception) -> bool:
    """A bare 404 is that of a server which is no S3: there, nothing is absent."""
    return isinstance(error, FileNotFoundError) and _code(error) in ("", "NoSuchKey")


def _taken(error: Exception) -> bool:
    return isinstance(error, FileExistsError) or _status(error) == _PRECONDITION_FAILED


def _explain(error: Exception) -> str:
    from botocore import exceptions, parsers

    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return (
            "no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (in a cluster from a Secret), or a profile"
        )
    if isinstance(error, exceptions.SSLError):
        return f"{_endpoint()} cannot be trusted ({error}); name its authority's certificate in AWS_CA_BUNDLE"
    if _passing(error):
        return (
            f"{_endpoint()} did not answer for {PATIENCE_S:g} s ({_first_line(error)}); does the service run, "
            "and is its address right?"
        )
    if isinstance(error, parsers.ResponseParserError) or _code(error) in ("404", "405"):
        return f"{_endpoint()} answers, but not as S3 does; correct AWS_ENDPOINT_URL_S3"
    if (known := _REFUSED.get(_code(error))) is not None:
        return known
    if isinstance(error, PermissionError) or _status(error) in (401, 403):
        return (
            f"the credentials may not do this ({_operation(error)}: {_first_line(error)}); a stage needs "
            "s3:ListBucket, s3:GetObject and s3:PutObject, a reader the first two (docs/archive.md)"
        )
    if isinstance(error, (exceptions.BotoCoreError, ValueError)):
        return f"{_first_line(error)}; correct the AWS_* variables or the profile"
    return f"{_operation(error)} failed: {_first_line(error)}"


def _endpoint() -> str:
    given = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return given or "the S3 service"


def _response(error: Exception) -> dict[str, Any]:
    """What the service answered; s3fs keeps it as the cause of its own errors."""
    found: dict[str, Any] = getattr(error, "response", None) or getattr(error.__cause__, "response", None) or {}
    return found


def _code(error: Exception) -> str:
    return str(_response(error).get("Error", {}).get("Code", ""))


def _status(error: Exception) -> int:
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _operation(error: Exception) -> str:
    return str(getattr(error, "operation_name", None) or getattr(error.__cause__, "operation_name", "request"))


def _first_line(error: Exception) -> str:
    said = str(_response(error).get("Error", {}).get("Message") or error)
    line = (said.splitlines() or [type(error).__name__])[0]
    return re.sub(r':? "https?://[^"]*"', "", line).rstrip(".")
