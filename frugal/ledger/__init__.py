"""The ledger: a directory that keeps what calls cost, and holds what they may cost, across processes."""
