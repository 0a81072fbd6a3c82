#!/bin/sh
# Runs the pipeline in two fresh clones with empty caches and compares their dvc.lock.
# PARAMS="-S train.pairs=800 …" makes the run smaller.
set -eu
repository=$(git rev-parse --show-toplevel)
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "note: what is not committed is not verified" >&2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
unset MLFLOW_TRACKING_URI DVC_ROOT  # each clone keeps its runs to itself

for copy in first second; do
    echo "== $copy clone, $(date +%T)"
    git clone --quiet "$repository" "$folder/$copy"
    (
        cd "$folder/$copy"
        if [ -n "${PARAMS:-}" ]; then
            # shellcheck disable=SC2086  the parameters are words
            dvc exp run $PARAMS
        else
            dvc repro
        fi
    )
done

# DVC writes a stage into its lock when it ends, and those that wait for nothing of each other end in any order.
sorted_lock() {
    python -c 'import sys, yaml; print(yaml.safe_dump(yaml.safe_load(sys.stdin)), end="")' \
        <"$folder/$1/dvc.lock" >"$folder/$1.lock"
}
sorted_lock first
sorted_lock second
if diff "$folder/first.lock" "$folder/second.lock" >&2; then
    echo "verified: both clones made the same dvc.lock, $(wc -c <"$folder/first.lock") bytes," \
        "sha256 in sorted order $(sha256sum "$folder/first.lock" | cut -c1-16)"
else
    echo "error: the clones differ" >&2
    exit 1
fi
