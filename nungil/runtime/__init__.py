"""What every process needs: settings, lifecycle, gRPC, errors, clock, ids, logs, metrics, tracing."""
