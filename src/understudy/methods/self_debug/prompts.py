"""The wording of Self-Debug."""

from understudy.prompts import PromptSet


class Prompts(PromptSet, file=__file__):
    """`prompts.yaml` says what each entry is for."""

    tests: str
    translate: str
    query: str
    test_returned: str
    test_raised: str
    test_failed: str
    program_raised: str
    no_program: str
    query_returned: str
    explain: str
    explain_translation: str
    explain_question: str
    explain_query: str
    trace: str
    verdict: str
    verdict_query: str
    wrong: str
    repair: str
    repair_outcome: str
    repair_trace: str
