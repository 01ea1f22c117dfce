"""The onion: calls, their journals, and the pipeline that carries them through the rings."""
