"""The services. Each is its own process; they meet only in `nungil.api` and in the event log."""

import os

# Before numpy is loaded, for OpenBLAS looks once: requests and services share the cores already. A product of small matrices
# on all of them is no sooner there, takes twice the processor's time, and makes the forward pass wait.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
