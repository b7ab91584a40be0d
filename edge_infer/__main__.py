"""``python -m edge_infer``: the same as the command ``edge-infer``."""

import sys

from edge_infer.cli.main import main

sys.exit(main())
