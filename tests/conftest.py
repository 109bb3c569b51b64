"""What holds for every test."""

import signal

from hypothesis import settings

# How long an example takes is the machine's affair; Hypothesis would fail a test for 200 ms.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")

# A shell that starts the tests in the background ignores Ctrl-C, nohup ignores a terminal that goes, and so would every
# process that the tests start and mean to interrupt. A handler, unlike "ignore", is not handed down.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
