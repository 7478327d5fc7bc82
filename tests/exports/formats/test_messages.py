"""The format `messages`."""

from conversations import CALLS, CHAT

from understudy.exports.formats.messages import rows


def test_messages_are_the_turns_as_they_are() -> None:
    assert rows(CHAT) == [
        {
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": "q1"},
                {"role": "assistant", "content": "a1"},
                {"role": "user", "content": "q2"},
                {"role": "assistant", "content": "a2"},
            ]
        }
    ]


def test_tool_calls_are_objects_for_chat_templates() -> None:
    (_, call, one, two, _) = rows(CALLS)[0]["messages"]

    assert call["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
    ]
    assert one == {"role": "tool", "content": "one", "tool_call_id": "1", "name": "f"}
    assert two["name"] == "g"
