"""What every question about speed shares: rounds, limits, peers, the work, and the table."""
