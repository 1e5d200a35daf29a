#!/usr/bin/env bash
# usage: requirements/services/lock.sh     pins each services/*.in to what run.txt names (needs uv); `make lock` calls it
# torch and the CUDA libraries that it brings are kept apart, in torch.txt: the image for processors may take another build.
set -euo pipefail
cd "$(dirname "$0")"
export UV_CUSTOM_COMPILE_COMMAND="make lock"
for wanted in *.in; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    "$wanted" -o "${wanted%.in}.txt"
done
awk 'BEGIN { print "# torch and the CUDA libraries of its build on PyPI, out of embed.in by: make lock" > "torch.txt" }
     /^[a-z]/ { torch = /^(torch|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==/ }
     { print > (torch ? "torch.txt" : "rest.txt") }' embed.txt
mv rest.txt embed.txt
