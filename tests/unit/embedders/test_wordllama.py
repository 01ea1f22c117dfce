"""The default embedder: offline, quiet, in both languages."""

import asyncio
import importlib.util
import logging
import socket
import threading

import numpy as np
import pytest

from frugal.embedders import WordLlamaEmbedder, wordllama
from frugal.errors import EmbeddingError, MissingExtraError

needs_wordllama = pytest.mark.skipif(not WordLlamaEmbedder.available(), reason="wordllama is not installed")


def test_it_says_what_to_install_where_it_is_absent(monkeypatch):
    """The error names the extra, and the way without it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"embed=.*frugal\[semantic\]"):
        WordLlamaEmbedder()


@needs_wordllama
async def test_it_needs_no_network_and_leaves_the_root_logger_alone(monkeypatch):
    """Loading opens no socket, downloads nothing and configures nobody's logging."""
    monkeypatch.setattr(wordllama, "_loaded", [])
    monkeypatch.setattr(socket.socket, "connect", lambda *args: pytest.fail("it opened a connection"))
    before = list(logging.getLogger().handlers), logging.getLogger().level
    embedder = WordLlamaEmbedder()
    assert not embedder.ready
    rows = await embedder.embed(["hello"])
    assert embedder.ready
    assert before == (list(logging.getLogger().handlers), logging.getLogger().level)
    assert ((1, 256), np.float32) == (rows.shape, rows.dtype)
    assert np.linalg.norm(rows[0]) == pytest.approx(1.0, abs=1e-5)
    assert "wordllama/" in embedder.identity
    assert embedder.identity.endswith("/256")
    assert embedder.identity == embedder.name


@needs_wordllama
async def test_it_gives_what_wordllama_itself_gives():
    """Embedding token by token equals the library's own, padded batch."""
    texts = ["how do i get to the airport", "x", "今天台北的天氣如何？", "word " * 3_000]
    rows = await WordLlamaEmbedder().embed(texts)
    model = wordllama._loaded[0]
    for row, text in zip(rows, texts, strict=True):
        assert np.allclose(row, model.embed([text], norm=True)[0], atol=1e-5)


@needs_wordllama
async def test_paraphrases_are_nearer_than_other_questions_in_both_languages():
    """It is of use for English and for Chinese."""
    rows = await WordLlamaEmbedder().embed(
        [
            "how is the weather today",
            "what is the weather like today",
            "今天台北的天氣如何？",
            "台北今天天氣怎麼樣",
            "請幫我寫一封求職信",
        ]
    )
    similar = rows @ rows.T
    assert similar[0, 1] > 0.7 > similar[0, 2]
    assert similar[2, 3] > 0.7 > similar[2, 4]


@needs_wordllama
@pytest.mark.parametrize("text", ["", "\x00"])
async def test_a_text_with_nothing_to_embed_is_an_error_or_a_vector(text):
    """Never a vector of zeros."""
    try:
        rows = await WordLlamaEmbedder().embed([text])
    except EmbeddingError:
        return
    assert rows.any()


@needs_wordllama
async def test_a_megabyte_is_embedded_away_from_the_loop():
    """A long text is read in a thread, so that the loop turns meanwhile."""
    await WordLlamaEmbedder().embed(["warm"])
    threads = set()
    original = wordllama._embed

    def watched(texts):
        threads.add(threading.current_thread())
        return original(texts)

    wordllama._embed = watched
    try:
        await asyncio.gather(*(WordLlamaEmbedder().embed([text]) for text in ("short", "long " * 200_000)))
    finally:
        wordllama._embed = original
    assert {True, False} == {thread is threading.main_thread() for thread in threads}


@needs_wordllama
async def test_weights_that_cannot_be_loaded_are_an_embedding_error(monkeypatch):
    """A damaged installation is a miss, not a crash."""
    monkeypatch.setattr(wordllama, "_loaded", [])
    monkeypatch.setattr(wordllama, "_CONFIG", "no_such_model")
    with pytest.raises(EmbeddingError, match="no_such_model"):
        await WordLlamaEmbedder().embed(["text"])
