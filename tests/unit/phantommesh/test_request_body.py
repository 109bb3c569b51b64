"""A body as it comes in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phantommesh.automation.body import TooLargeError
from phantommesh.automation.events import MAX_EVENT_BYTES
from phantommesh.automation.request_body import MAX_BODY_BYTES, MAX_DRAIN_BYTES, RequestBody


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_parts_come_out_whole(parts: list[bytes]) -> None:
    body = RequestBody()
    assert all(body.add(part) for part in parts)
    assert body.whole() == b"".join(parts)


def test_an_event_may_have_its_limit_and_not_a_byte_more() -> None:
    body = RequestBody()
    body.add(b"{" + b" " * (MAX_EVENT_BYTES - 2))
    body.add(b"}")
    assert len(body.whole()) == MAX_EVENT_BYTES
    body.add(b" ")
    with pytest.raises(TooLargeError) as refused:
        body.whole()
    assert (refused.value.limit, refused.value.actual) == (MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1)


def test_an_array_may_be_larger_than_an_event() -> None:
    body = RequestBody()
    body.add(b" [")
    body.add(b" " * MAX_EVENT_BYTES)
    assert len(body.whole()) == MAX_EVENT_BYTES + 2


def test_what_is_far_too_large_is_counted_not_kept_and_cut_off_in_the_end() -> None:
    body, megabyte = RequestBody(), b" " * 2**20
    assert body.add(b"[" + megabyte)
    added = len(megabyte) + 1
    while body.add(megabyte):
        added += len(megabyte)
        assert added <= MAX_DRAIN_BYTES
    with pytest.raises(TooLargeError) as refused:
        body.whole()
    assert refused.value.limit == MAX_BODY_BYTES
    assert len(body._more or b"") <= MAX_BODY_BYTES  # what is kept is the point
