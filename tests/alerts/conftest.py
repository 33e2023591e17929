"""Certificates made for the test, and senders that trust them."""

import ssl

import pytest
import trustme

from qutrio.alerts.senders import Senders, real_senders


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return a certificate authority for the tests."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """Return the TLS context of a server on 127.0.0.1 that the senders trust."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def stranger_tls() -> ssl.SSLContext:
    """Return the TLS context of a server with an untrusted certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
async def senders(authority: trustme.CA) -> Senders:
    """Return the real senders, with the test's authority in place of the system's."""

    def trust() -> ssl.SSLContext:
        context = ssl.create_default_context()
        authority.configure_trust(context)
        return context

    return real_senders(trust)
