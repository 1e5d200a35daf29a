#!/usr/bin/env bash
# usage: requirements/install.sh VENV LOCK...     makes VENV hold what the locks name, and this project, editable
# With uv where it is present, else with venv and pip. PYTHON names the Python to use (3.11 or newer).
set -euo pipefail
venv=$1
shift
locks=("${@/#/-r}")

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
  local name
  for name in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if new_enough "$name"; then
      command -v "$name"
      return
    fi
  done
}

say() { printf '%s\n' "$*" >&2; }

if ! new_enough "$venv/bin/python"; then
  python=$(find_python)
  if [[ -z $python ]]; then
    say "Nungil needs Python 3.11 or newer. Looked for: ${PYTHON:-python3.11 python3.12 python3.13 python3}."
    say "Install one, or name it: make ${MAKECMDGOALS:-run} PYTHON=/path/to/python3.11"
    exit 1
  fi
  say "making $venv with $python"
  if command -v uv >/dev/null; then
    uv venv --quiet --clear --python "$python" "$venv"
  elif ! "$python" -m venv --clear "$venv"; then
    say "That Python cannot make an environment: on Debian and Ubuntu, apt-get install python3-venv."
    exit 1
  fi
fi

if command -v uv >/dev/null; then
  install() { VIRTUAL_ENV=$PWD/$venv uv pip install --quiet "$@"; }
else
  "$venv/bin/python" -m pip --version >/dev/null 2>&1 || "$venv/bin/python" -m ensurepip >/dev/null
  install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
fi
say "installing what ${*##*/} name; the first time this fetches some gigabytes"
install --require-hashes "${locks[@]}"
install --no-build-isolation --no-deps --editable .
