"""Values: frozen, pure, and knowing nothing of calls, clocks on walls, or disks."""
