"""`python -m setia` is `setia`."""

from setia.cli import main

main()
