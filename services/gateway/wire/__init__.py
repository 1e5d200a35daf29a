"""The public models of the API, and their translation to and from the messages of the services."""
