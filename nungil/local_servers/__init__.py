"""Kafka, MinIO, Milvus and PostgreSQL on loopback, each from its own program: for tests, and for `nungil up --stack real`."""
