"""The rpcs of profile, one gRPC service a module: translate, call, translate."""
