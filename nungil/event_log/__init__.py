"""The event log: port, adapters, the table of topics, the consumer loop."""
