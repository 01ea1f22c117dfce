"""The last user turn, taken out of every shape of request."""

from types import SimpleNamespace

import pytest

from frugal._values.query import MARK, last_user_turn

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


@pytest.mark.parametrize(
    ("arguments", "text", "rest"),
    [
        ({"prompt": "hi", "seed": 1}, "hi", {"prompt": MARK, "seed": 1}),
        ({"input": "hi", "instructions": "s"}, "hi", {"input": MARK, "instructions": "s"}),
        ({"messages": [{"role": "user", "content": "hi"}]}, "hi", {"messages": [{"role": "user", "content": MARK}]}),
        (
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi", "name": "ann"}]},
            "hi",
            {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": MARK, "name": "ann"}]},
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": "a"}, IMAGE, {"type": "text", "text": "b"}]}
                ]
            },
            "a\nb",
            {
                "messages": [
                    {"role": "user", "content": [{"type": "text", "text": MARK}, IMAGE, {"type": "text", "text": MARK}]}
                ]
            },
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": "hi"}]}]},
            "hi",
            {"input": [{"role": "user", "content": [{"type": "input_text", "text": MARK}]}]},
        ),
        (
            {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
            "hi",
            {"contents": [{"role": "user", "parts": [{"text": MARK}]}]},
        ),
        ({"contents": ["hi"]}, "hi", {"contents": [MARK]}),
        ({"prompt": "hi", "messages": None, "input": []}, "hi", {"prompt": MARK, "messages": None, "input": []}),
        (
            {"messages": ({"role": "user", "content": "hi"},), "model": "m"},
            "hi",
            {"messages": [{"role": "user", "content": MARK}], "model": "m"},
        ),
    ],
)
def test_the_text_is_taken_out_and_the_rest_is_all_else(arguments, text, rest):
    """Text and rest together are the request; images, names, systems and settings stay in the rest."""
    before = repr(arguments)
    assert (text, rest) == last_user_turn(arguments)
    assert before == repr(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"model": "m"},
        {"prompt": ""},
        {"prompt": "  \n"},
        {"prompt": 7},
        {"messages": []},
        {"messages": "hi", "prompt": "ho"},
        {"messages": [{"role": "assistant", "content": "hi"}]},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "tool", "content": "42"}]},
        {"messages": [{"role": "user", "content": None}]},
        {"messages": [{"role": "user", "content": [IMAGE]}]},
        {"messages": [{"role": "user", "content": []}]},
        {"messages": [{"role": "user", "content": [{"type": "tool_result", "text": "42"}]}]},
        {"messages": [{"role": "user", "content": 7}]},
        {"messages": [None]},
        {"messages": b"bytes"},
        {"contents": ["two", "texts"]},
    ],
)
def test_what_cannot_be_taken_apart_with_certainty_is_none(arguments):
    """Empty, only images, not the user's, or a shape that is not known: no query, so a miss."""
    assert None is last_user_turn(arguments)


def test_messages_may_be_objects():
    """SDK objects with attributes are read as mappings are, and their type stays in the rest."""

    class Message:
        def __init__(self, role, content):
            self.role, self.content = role, content

    class Model:
        role, content = "user", "hi"

        def model_dump(self):
            return {"role": "user", "content": "hi", "extra": 1}

    text, rest = last_user_turn({"messages": [Message("user", "hi")]})
    assert ("hi", MARK) == (text, rest["messages"][0]["content"])
    assert any("Message" in str(value) for value in rest["messages"][0].values())
    assert 1 == last_user_turn({"messages": [Model()]})[1]["messages"][0]["extra"]
    assert "hi" == last_user_turn({"messages": [SimpleNamespace(role="user", content="hi")]})[0]


def test_a_text_cannot_pretend_to_be_the_mark():
    """Two requests have the same rest only if they are equal but for the text."""
    one = last_user_turn({"messages": [{"role": "user", "content": "a"}]})
    other = last_user_turn({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}]})
    assert one[0] == other[0]
    assert one[1] != other[1]
