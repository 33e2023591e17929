"""The command that `qutrio lead` runs in these tests: it and its child report that they live.

Run as `beat.py FILE [--stubborn]`.  Each line is `WHAT NODE TERM RUN TIME`.  A stubborn one
ignores SIGTERM, and its child leaves the process group.
"""

import os
import signal
import sys
import time

EVERY_S = 0.01


def main(file: str, *, stubborn: bool) -> None:
    """Beat until a signal ends it."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    who = f"{os.environ['QUTRIO_NODE']} {os.environ['QUTRIO_TERM']} {os.getpid()}"

    def say(what: str) -> None:
        os.write(descriptor, f"{what} {who} {time.monotonic():.6f}\n".encode())

    def stop(*_: object) -> None:
        say("stop")
        os._exit(0)

    signal.signal(signal.SIGTERM, signal.SIG_IGN if stubborn else stop)
    say("start")
    if os.fork() == 0 and stubborn:
        os.setsid()
    while True:
        say("beat")
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main(sys.argv[1], stubborn="--stubborn" in sys.argv)
