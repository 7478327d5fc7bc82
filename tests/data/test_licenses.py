"""The terms that apply to a model's output."""

import pytest

from understudy.data.licenses import find_terms


@pytest.mark.parametrize(
    ("model", "endpoint", "names"),
    [
        ("gpt-5-mini", "openai", ["OpenAI API"]),
        ("qwen3-8b", "openai http://localhost:8000/v1", ["Qwen3 weights"]),
        ("claude-sonnet-5", "https://api.anthropic.com", ["Anthropic API"]),
        ("gemini-3", "https://generativelanguage.googleapis.com/v1beta", ["Gemini API"]),
        ("meta-llama/Llama-3.1-8B-Instruct", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Llama-3.3-70B-Instruct", "", ["Llama 3.1 and later weights"]),
        ("llama3.2:1b", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Llama-4-Scout", "", ["Llama 3.1 and later weights"]),
        ("meta-llama/Meta-Llama-3-8B-Instruct", "", ["Llama 2 and Llama 3.0 weights"]),
        ("llama3:8b", "", ["Llama 2 and Llama 3.0 weights"]),
        ("meta-llama/Llama-2-70b-chat-hf", "", ["Llama 2 and Llama 3.0 weights"]),
        ("google/gemma-3-4b-it", "", ["Gemma 1 to 3 weights"]),
        ("google/gemma-4-31b-it", "", []),
        ("deepseek-ai/DeepSeek-R1", "", ["DeepSeek-R1 weights"]),
        ("DeepSeek-R1-Distill-Llama-8B", "", []),
        ("gpt-5-mini", "https://evil.example/api.openai.com", []),
        ("mystery", "http://[broken", []),
    ],
)
def test_terms_go_by_host_and_by_weights(model: str, endpoint: str, names: list[str]) -> None:
    terms = find_terms(model, endpoint)

    assert [term.name for term in terms] == names
    assert all(term.source.startswith("https://") and term.checked >= term.dated for term in terms)
