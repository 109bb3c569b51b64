"""An S3 service in a process of its own on 127.0.0.1, with users and their rights, that can be away for a while.

It is moto's: small, from pip, with conditional writes and with the rights of IAM. What it cannot show - the behaviour
of a real service under load, its consistency across nodes - the tests of the cluster see on one.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LONGEST_S = 900
BUCKET = "evidence"
_ON_OBJECTS = {
    "stage": ["s3:GetObject", "s3:PutObject"],
    "reader": ["s3:GetObject"],
    "nobody": [],
    "owner": ["s3:*"],
    "blind": ["s3:GetObject", "s3:PutObject"],
}
_BLIND = {"Effect": "Deny", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*/observe/attempt-1/*"}


@dataclass(frozen=True)
class S3Service:
    """The running service; it ends by itself after a quarter of an hour. ``keys``: name of a user (stage, reader,
    nobody, owner, and blind, who may not write what was observed) -> its access key and secret."""

    process: "subprocess.Popen[str]"
    url: str
    keys: Mapping[str, tuple[str, str]]

    def environment(self, user: str = "stage") -> dict[str, str]:
        """What an S3 client needs to know."""
        key, secret = self.keys[user]
        return {
            "AWS_ENDPOINT_URL_S3": self.url, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
        }  # fmt: skip

    def objects(self) -> Any:
        """A client with every right, for who plants faults."""
        return _client("s3", self.url, *self.keys["owner"])

    def away(self, length_s: float) -> None:
        """Refuse every connection from now on for so long."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{length_s}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "away\n"


@contextmanager
def s3_service() -> Iterator[S3Service]:
    """Start the service with an empty bucket; it is killed at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    process = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=environment,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        url = f"http://127.0.0.1:{int(process.stdout.readline())}"
        yield S3Service(process, url, _users(url))
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def _users(url: str) -> dict[str, tuple[str, str]]:
    """Make the bucket and the users, then have rights enforced."""
    _client("s3", url, "any", "any").create_bucket(Bucket=BUCKET)
    iam = _client("iam", url, "any", "any")
    listing = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{BUCKET}"}
    keys = {}
    for name, actions in _ON_OBJECTS.items():
        iam.create_user(UserName=name)
        on_objects = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:s3:::{BUCKET}/*"}
        everything = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
        statements = [everything] if name == "owner" else [listing, on_objects] if actions else []
        statements += [_BLIND] if name == "blind" else []
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            iam.put_user_policy(UserName=name, PolicyName="archive", PolicyDocument=policy)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        keys[name] = (made["AccessKeyId"], made["SecretAccessKey"])
    headers = {"Content-Type": "text/plain"}
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", headers, method="POST")).close()
    return keys


def _client(kind: str, url: str, key: str, secret: str) -> Any:
    import boto3

    return boto3.client(
        kind, endpoint_url=url, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
    )


def _serve() -> None:
    import threading

    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    print(port, flush=True)
    ender = threading.Timer(LONGEST_S, os._exit, [0])
    ender.daemon = True
    ender.start()
    for line in sys.stdin:
        server.stop()
        print("away", flush=True)
        time.sleep(float(line))  # this is the fault: its length was asked for
        server = ThreadedMotoServer("127.0.0.1", port, verbose=False)
        server.start()


if __name__ == "__main__":
    _serve()
