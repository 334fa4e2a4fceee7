"""`python -m events.topology`: make the exchange, queues and bindings; see declaration.py."""

from events.topology.declaration import main

main()
