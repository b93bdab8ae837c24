#!/bin/sh
# Compile the pins from pyproject.toml: every platform and Python that we support, with hashes, without addresses.
set -eu
compile() {
    uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
        --no-annotate "$@"
}
compile pyproject.toml requirements/build.in -o requirements/base.txt
compile pyproject.toml requirements/build.in --extra dev --extra bigquery --extra examples \
    -c requirements/base.txt -o requirements/dev.txt
compile requirements/data.in --no-deps -o requirements/data.txt
