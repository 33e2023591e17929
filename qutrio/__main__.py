"""What `python -m qutrio` runs: the same as the `qutrio` command."""

import sys

from qutrio.cli.app import main

sys.exit(main())
