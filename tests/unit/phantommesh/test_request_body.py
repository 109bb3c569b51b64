"""A body as it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phantommesh.automation.body import TooLargeError
from phantommesh.automation.request_body import DRAINED_TIMES, RequestBody
from phantommesh.config.model import Limits

LIMITS = Limits(max_event_bytes=256 * 1024, max_array=1_000, max_body_bytes=8 * 2**20, max_connections=100)


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_parts_come_out_whole(parts: list[bytes]) -> None:
    body = RequestBody(LIMITS)
    assert all(body.add(part) for part in parts)
    assert body.whole() == b"".join(parts)


def test_an_event_may_have_its_limit_and_not_a_byte_more() -> None:
    body = RequestBody(LIMITS)
    body.add(b"{" + b" " * (LIMITS.max_event_bytes - 2))
    body.add(b"}")
    assert len(body.whole()) == LIMITS.max_event_bytes
    body.add(b" ")
    with pytest.raises(TooLargeError) as refused:
        body.whole()
    assert (refused.value.limit, refused.value.actual) == (LIMITS.max_event_bytes, LIMITS.max_event_bytes + 1)


def test_an_array_may_be_larger_than_an_event() -> None:
    body = RequestBody(LIMITS)
    body.add(b" [")
    body.add(b" " * LIMITS.max_event_bytes)
    assert len(body.whole()) == LIMITS.max_event_bytes + 2


def test_what_is_far_too_large_is_counted_not_kept_and_cut_off_in_the_end() -> None:
    body, megabyte = RequestBody(LIMITS), b" " * 2**20
    assert body.add(b"[" + megabyte)
    added = len(megabyte) + 1
    while body.add(megabyte):
        added += len(megabyte)
        assert added <= DRAINED_TIMES * LIMITS.max_body_bytes
    with pytest.raises(TooLargeError) as refused:
        body.whole()
    assert refused.value.limit == LIMITS.max_body_bytes
    assert len(body._more or b"") <= LIMITS.max_body_bytes  # what is kept is the point
