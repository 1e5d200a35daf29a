"""Run by Alembic: the migrations of one service, in the transaction of the connection that `upgrade` gives."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
context.run_migrations()
