"""Conversations that the tests of formats share."""

from understudy.types import Example, Image, Message, ToolCall, assistant, system, user

CHAT = Example(
    id="e1",
    messages=(system("s"), user("q1"), assistant("a1"), user("q2"), assistant("a2")),
    reference="r",
    choices=("x", "y"),
    tests=("assert t",),
    scores={"votes": 0.5},
    meta={"k": [1, {"z": None}]},
    lineage=("vote/t1",),
)
CALLS = Example(
    id="e2",
    messages=(
        user("q"),
        Message(
            "assistant",
            tool_calls=(ToolCall("1", "f", '{"x":1}'), ToolCall("2", "g", "not json")),
        ),
        Message("tool", "one", tool_call_id="1"),
        Message("tool", "two", tool_call_id="2"),
        assistant("a"),
    ),
)
CAT = Image(media_type="image/png", data=b"\x89PNG")
CAT_URL = "data:image/png;base64,iVBORw=="
