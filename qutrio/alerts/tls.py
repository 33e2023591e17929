"""TLS contexts for mail servers and webhooks, made once and shared."""

import ssl
from collections.abc import Callable

import trio


def system_context() -> ssl.SSLContext:
    """Return a context with the authorities of the operating system.  Takes about 40 ms."""
    return ssl.create_default_context()


class ClientContexts:
    """The two contexts that channels need: one that verifies servers, one that does not."""

    def __init__(self, trust: Callable[[], ssl.SSLContext]) -> None:
        """Keep the function that makes the verifying context; nothing is loaded yet."""
        self._trust = trust
        self._lock = trio.Lock()
        self._made: dict[bool, ssl.SSLContext] = {}

    async def get(self, *, verify: bool) -> ssl.SSLContext:
        """Return the shared context, making it in a thread on first use."""
        async with self._lock:
            if verify not in self._made:
                make = self._trust if verify else _unverified
                self._made[verify] = await trio.to_thread.run_sync(make)
            return self._made[verify]


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
