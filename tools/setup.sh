#!/bin/sh
# Makes a virtual environment with stegnet and its pinned packages, or adds to it: sh tools/setup.sh .venv EXTRAS
set -eu
venv=$1
extras=${2:-all,dev}

stop() { echo "error: $1" >&2; exit 1; }

command -v git >/dev/null || stop "git is missing: install git (Debian: apt install git)"

python=
for candidate in python3 python3.13 python3.12 python3.11 python3.14; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || stop "Python 3.11 or newer is missing: install it (Debian: apt install python3 python3-venv)"
"$python" -c 'import ensurepip, venv' 2>/dev/null \
    || stop "$python has no venv module: install it (Debian: apt install python3-venv)"
"$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null \
    || stop "Python's C headers are missing: install them (Debian: apt install python3-dev)"

"$python" -m venv "$venv"
echo "installing pinned packages into $venv for $extras (up to 7 GB, a minute or two)"
log=$venv/install.log
pip() { "$venv/bin/python" -m pip install --disable-pip-version-check --constraint constraints.txt "$@"; }
uv() { "$venv/bin/uv" pip install --python "$venv/bin/python" --compile-bytecode --constraint constraints.txt "$@"; }

# Runs a command, whose output goes into the log; shows what it downloads, and how far it is.
shown() {
    { "$@" 2>&1; echo "exit code $?"; } | tee -a "$log" \
        | sed -nE 's/^ *((Resolved|Downloading|Downloaded|Building|Prepared|Installed|Installing) .*)/  \1/p'
    [ "$(tail -n 1 "$log")" = "exit code 0" ]
}

# uv takes a third of pip's time, but reads neither pip's settings nor its mirrors.
if ! { pip --quiet uv >>"$log" 2>&1 && shown uv -e ".[$extras]"; }; then
    echo "uv could not install them, pip tries (a few minutes)"
    shown pip -e ".[$extras]" || { tail -n 6 "$log" >&2; stop "the packages could not be installed: see $log"; }
fi
