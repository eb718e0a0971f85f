import sys

from process_compose.cli import main

sys.exit(main())
