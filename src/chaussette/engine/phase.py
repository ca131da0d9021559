"""What a connection is busy with. The first three have nothing that a kill would lose."""

FRESH, IDLE, LINGER, HEAD, BODY, APP, SEND = range(7)
