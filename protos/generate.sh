#!/bin/sh
# Writes nungil/api from protos/. Called by `make proto`; a test checks that what is committed is what this writes.
# usage: protos/generate.sh [DESTINATION]     run from the repository's root, with the environment's bin folder on PATH
set -eu
out=${1:-.}
find "$out/nungil/api" -name '*_pb2*' -delete 2>/dev/null || true
python -m grpc_tools.protoc -I protos \
  --python_out="$out" --grpc_python_out="$out" --mypy_out="quiet:$out" --mypy_grpc_out="quiet:$out" \
  $(find protos -name '*.proto' | sort)
find "$out/nungil/api" -type d -exec touch {}/__init__.py \;
# A file without rpcs gets an empty servicer module; it only confuses readers.
for file in $(find "$out/nungil/api" -name '*_pb2_grpc.py'); do
  grep -q 'class .*Stub' "$file" || rm -f "$file" "${file}i"
done
