"""Writes the files of a simulated movie streaming service: `setia simulate movie_streaming` by the brief's name."""

import sys

from setia.__main__ import main

if __name__ == "__main__":
    sys.argv[1:1] = ["simulate", "movie_streaming"]
    main()
