"""Rows: prices that the installed data lacks or has wrong, dated, with their sources.

Law: a row is never overwritten. A price that changes gets a new row with its date, so that what was bought
last year costs today what it cost then; a test pins the digest of every row.

Rates are dollars per million tokens as `input`, `output`, `read` (cache), `write` and `write_1h` (cache),
`audio_in`, `audio_out`; `a>n:b` is `b` above `n` input tokens.
"""
# fmt: off


from __future__ import annotations

__all__ = ["DATE", "MODELS", "TIERS"]

DATE = "2026-11-23"
"""When this table was last added to."""

MODELS: tuple[tuple[str, str, str, int | None, str], ...] = (
    # provider, model, since, context window, rates
    # https://platform.openai.com/docs/pricing; the installed data has the text rates only.
    ("openai", "gpt-4o-audio-preview", "2024-10-01", 128_000, "input=2.5 output=10 audio_in=100 audio_out=200"),
    ("openai", "gpt-4o-audio-preview", "2024-12-17", 128_000, "input=2.5 output=10 audio_in=40 audio_out=80"),
    ("openai", "gpt-4o-mini-audio-preview", "2024-12-17", 128_000, "input=0.15 output=0.6 audio_in=10 audio_out=20"),
    # https://platform.openai.com/docs/guides/moderation: free of charge; the installed rule is any "moderation".
    ("openai", "omni-moderation", "2024-09-26", None, "input=0 output=0"),
    ("openai", "text-moderation", "2022-08-10", None, "input=0 output=0"),
    # https://www.anthropic.com/pricing (legacy models).
    ("anthropic", "claude-instant-1", "2023-03-14", 100_000, "input=0.8 output=2.4"),
    ("anthropic", "claude-instant-1.2", "2023-08-09", 100_000, "input=0.8 output=2.4"),
    ("anthropic", "claude-instant", "2023-03-14", 100_000, "input=0.8 output=2.4"),
    # https://www.anthropic.com/news/1m-context: above 200,000 tokens of the long-context beta.
    ("anthropic", "claude-sonnet-4-0", "2025-05-22", 200_000, "input=3 output=15 read=0.3 write=3.75 write_1h=6"),
    # https://ai.google.dev/gemini-api/docs/pricing; the installed rule takes it for gemini-1.5-flash, twice the price.
    (
        "google", "gemini-1.5-flash-8b", "2024-10-03", 1_000_000,
        "input=0.0375>128000:0.075 output=0.15>128000:0.3 read=0.01>128000:0.02",
    ),
    (
        "google", "gemini-1.5-flash-8b-001", "2024-10-03", 1_000_000,
        "input=0.0375>128000:0.075 output=0.15>128000:0.3 read=0.01>128000:0.02",
    ),
    ("google", "text-embedding-004", "2024-05-14", 2_048, "input=0"),
    # https://cohere.com/pricing; the installed data has the newest of each only.
    ("cohere", "embed-english-v3.0", "2023-11-02", 512, "input=0.1"),
    ("cohere", "embed-english-light-v3.0", "2023-11-02", 512, "input=0.1"),
    ("cohere", "embed-multilingual-v3.0", "2023-11-02", 512, "input=0.1"),
    ("cohere", "embed-multilingual-light-v3.0", "2023-11-02", 512, "input=0.1"),
    ("cohere", "embed-english-v2.0", "2023-06-01", 512, "input=0.1"),
    ("cohere", "command-r-03-2024", "2024-03-11", 128_000, "input=0.5 output=1.5"),
    ("cohere", "command-r-plus-04-2024", "2024-04-04", 128_000, "input=3 output=15"),
)
"""Models of our own, first row first; a row holds from its day until the next of the same model."""

TIERS: tuple[tuple[str, str, str, str, str, str], ...] = (
    # provider, tier, since, models, factor (amount, or amount low high), the buckets it is on (* for all)
    # https://platform.claude.com/docs/en/about-claude/pricing#batch-processing: half, stacking with caching.
    ("anthropic", "batch", "2024-10-08", r"claude-.+", "0.5", "*"),
    # https://platform.openai.com/docs/guides/batch: half of input and output; cached input was not discounted then.
    (
        "openai", "batch", "2024-04-15",
        r"gpt-3\.5-turbo.*|gpt-4|gpt-4-turbo.*|gpt-4o(?:-mini)?(?:-20.*)?|gpt-4\.1.*|o1|o1-pro|o3|o3-mini|o3-pro|o4-mini",
        "0.5", "input output",
    ),
    ("openai", "batch", "2024-04-15", r"text-embedding-.+", "0.5", "*"),
    ("openai", "batch", "2025-08-07", r"gpt-5.*", "0.5", "*"),
    # https://platform.openai.com/docs/guides/flex-processing: the batch rates, with prompt caching on top.
    ("openai", "flex", "2025-04-17", r"o3|o4-mini", "0.5", "*"),
    ("openai", "flex", "2025-08-07", r"gpt-5(?:\.\d+)?(?:-mini|-nano)?", "0.5", "*"),
    # https://ai.google.dev/gemini-api/docs/batch-mode: half; a cached token costs what it costs elsewhere.
    ("google", "batch", "2025-07-07", r"gemini-(?:2\.5|[3-9]).*|gemini-embedding-.+", "0.5", "input output audio_in"),
    # https://ai.google.dev/gemini-api/docs/optimization: flex half, priority 75 to 100 % more.
    ("google", "flex", "2026-11-23", r"gemini-.+", "0.5", "*"),
    ("google", "priority", "2026-11-23", r"gemini-.+", "1.8 1.75 2", "*"),
    # https://aws.amazon.com/bedrock/pricing/: batch at half of on-demand; flex and priority since 2025-11-18.
    ("aws", "batch", "2024-08-27", r".+", "0.5", "*"),
    ("aws", "flex", "2025-11-18", r".+", "0.5 0.5 0.75", "*"),
    ("aws", "priority", "2025-11-18", r".+", "1.75 1.5 2", "*"),
    # https://learn.microsoft.com/azure/ai-services/openai/how-to/batch: half of global standard.
    ("azure", "batch", "2024-08-01", r"gpt-.+|o\d.*|text-embedding-.+", "0.5", "input output"),
    # https://docs.mistral.ai/capabilities/batch/: half.
    ("mistral", "batch", "2024-11-07", r".+", "0.5", "*"),
    # https://docs.voyageai.com/docs/batch-inference: a third off.
    ("voyageai", "batch", "2026-10-14", r".+", "0.67", "*"),
)
"""Tiers of service by factor, where the installed data has no rates of its own for that tier and day."""
