#!/usr/bin/env bash
# usage: requirements/services/lock.sh     pins each services/*.in to what run.txt names (needs uv); `make lock` calls it
# torch, torchvision and the CUDA libraries that they bring are kept apart, in torch.txt: the image for processors may take
# another build. openvino-telemetry reports to openvino's makers and is never installed: openvino works without it.
set -euo pipefail
cd "$(dirname "$0")"
export UV_CUSTOM_COMPILE_COMMAND="make lock"
for wanted in *.in; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-emit-package openvino-telemetry "$wanted" -o "${wanted%.in}.txt"
done
awk 'BEGIN { print "# torch, torchvision and the CUDA libraries of their builds on PyPI, out of embed.in by: make lock" > "torch.txt" }
     /^[a-z]/ { torch = /^(torch|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z0-9-]+)==/ }
     { print > (torch ? "torch.txt" : "rest.txt") }' embed.txt
mv rest.txt embed.txt
