"""The way through an ingress before anything is sent: what is read, from where, and what is refused."""

from pathlib import Path

import pytest
from ingress_parts import AUTHORIZATION, PASSWORD, ingress_at, made_certificate, set_variables
from readiness.clients.ingress import IngressError, refusal, way_in


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_certificate(tmp_path_factory.mktemp("tls"))[0]


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    set_variables(monkeypatch)


def test_what_is_secret_is_in_the_request_and_shown_nowhere(certificate: Path) -> None:
    way = way_in(ingress_at("https://127.0.0.1:8443", certificate), ())
    assert way.authorization == AUTHORIZATION
    assert way.where == ("127.0.0.1", 8443)
    assert PASSWORD not in repr(way)
    assert AUTHORIZATION not in repr(way)


@pytest.mark.parametrize(
    ("url", "networks", "also"),
    [
        ("https://127.0.0.1", (), ()),
        ("https://198.18.0.10:30443", (), ()),
        ("https://172.18.0.2:30443", ("10.96.0.0/16", "172.18.0.2/32"), ("172.18.0.2",)),
    ],
)
def test_an_address_that_may_be_measured(url: str, networks: tuple[str, ...], also: tuple[str, ...],
                                         certificate: Path) -> None:  # fmt: skip
    assert way_in(ingress_at(url, certificate), networks).also == also


@pytest.mark.parametrize("networks", [(), ("10.96.0.0/16",)])
def test_any_other_address_is_refused(networks: tuple[str, ...], certificate: Path) -> None:
    with pytest.raises(
        IngressError, match=r"^cluster\.ingress\.url: 'https://172\.18\.0\.2:443' is 172\.18\.0\.2; only"
    ):
        way_in(ingress_at("https://172.18.0.2:443", certificate), networks)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"url": "https://nobody.invalid"},
            r"^cluster\.ingress\.url: the host of https://nobody\.invalid is not known",
        ),
        ({"url": "https://127.0.0.1:99999"}, r"has no port that there is$"),
        ({"user": {"env": "READINESS_NOWHERE"}}, r"\.user: the variable READINESS_NOWHERE is not set here; export it"),
        (
            {"user": {"env": "READINESS_NOWHERE"}, "secret": "readiness-ingress"},
            r"from the secret readiness-ingress\)$",
        ),
        ({"password": {"file": "/nonexistent/ingress"}}, r"\.password: /nonexistent/ingress cannot be read \(No such"),
        (
            {"certificate": {"env": "READINESS_INGRESS_PASSWORD"}},
            r"\.certificate: what it names is no certificate in PEM",
        ),
    ],
)
def test_what_is_missing_is_named_without_its_value(changes: dict[str, object], says: str, certificate: Path) -> None:
    with pytest.raises(IngressError, match=says) as refused:
        way_in(ingress_at("https://127.0.0.1:8443", certificate, **changes), ())
    assert PASSWORD not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_with_a_colon_is_nobodys(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINESS_INGRESS_USER", "a:b")
    with pytest.raises(IngressError, match="no colon"):
        way_in(ingress_at("https://127.0.0.1:8443", certificate), ())


def test_each_refusal_has_its_words(certificate: Path) -> None:
    way = way_in(ingress_at("https://127.0.0.1:8443", certificate), ())
    assert refusal(way, 200) == ""
    said = {status: refusal(way, status) for status in (301, 401, 403, 404, 429, 500, 502, 503, 504)}
    assert all(f"HTTP {status}: " in text for status, text in said.items())
    assert "it refuses the user or the password" in said[401]
    anybody = way_in(ingress_at("https://127.0.0.1:8443", certificate, user=None, password=None), ())
    assert "it wants a user and a password, and cluster.ingress names none" in refusal(anybody, 401)
