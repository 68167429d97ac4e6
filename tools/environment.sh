#!/bin/sh
# Makes or updates a virtual environment with the course in it: sh tools/environment.sh FOLDER lab|dev
# Quick when nothing changed: FOLDER/.ready-lab and .ready-dev hold the checksums of what was installed, written last.
set -eu
venv=$1 extra=$2
python="$venv/bin/python"

state() { cat pyproject.toml constraints.txt | cksum; pwd; }
ready() { [ -x "$python" ] && "$python" -c '' 2>/dev/null && [ -f "$venv/.ready-$1" ] && [ "$(cat "$venv/.ready-$1")" = "$(state)" ]; }
ready "$extra" && exit 0
[ "$extra" = lab ] && ready dev && exit 0   # dev holds all of lab

find_python() {   # a name that is there may still not run (version managers), or have no venv
    for name in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        "$name" -c 'import sys; assert (3, 11) <= sys.version_info < (3, 14); import venv, ensurepip' 2>/dev/null && { echo "$name"; return; }
    done
    echo >&2 "No Python 3.11, 3.12 or 3.13 with its venv module was found. Install one (on Debian and Ubuntu:"
    echo >&2 "apt install python3 python3-venv; on macOS: brew install python@3.13), or name one: make study PYTHON=/path/to/python3"
    exit 1
}

if [ ! -e "$venv" ]; then
    name=$(find_python)
    echo "Making $venv with $("$name" --version) ..."
    "$name" -m venv "$venv"
elif ! "$python" -c '' 2>/dev/null; then
    echo >&2 "$venv holds no Python that runs (was it moved, or Python updated?). Remove that folder and run make again."
    exit 1
fi

echo "Installing the course and what it needs (a few minutes the first time) ..."
pip() { "$python" -m pip --disable-pip-version-check "$@"; }
what=".[$extra]"
with_uv() {
    pip install --quiet -c constraints.txt uv && UV_HTTP_TIMEOUT="${UV_HTTP_TIMEOUT:-60}" \
        "$python" -m uv pip install --quiet --python "$python" -c constraints.txt -e "$what"
}
# uv is several times faster. Where it cannot (an index that only pip knows, a platform without uv), pip does it; where the
# tested versions don't exist for a machine (an older Mac, say), the newest that do.
if ! with_uv; then
    echo "uv could not install it; once more with pip ..."
    if ! pip install --quiet -c constraints.txt -e "$what"; then
        echo "The tested versions (constraints.txt) cannot all be had here; taking other ones ..."
        pip install --quiet -e "$what"
    fi
fi
state > "$venv/.ready-$extra.part"
mv "$venv/.ready-$extra.part" "$venv/.ready-$extra"
