"""What the tests of a running server share: the server, its clients, and waiting for facts."""
