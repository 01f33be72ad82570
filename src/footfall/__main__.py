"""`python -m footfall` is the command `footfall`."""

import sys

from footfall.cli.main import main

sys.exit(main())
