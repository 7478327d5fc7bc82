"""`doctor` and `serve`."""

from pathlib import Path

from commands import SCRIPT, cli


def test_the_doctor_looks_at_this_machine_and_at_an_endpoint() -> None:
    Path("script.py").write_text(SCRIPT)
    assert "open files" in cli("doctor").stdout
    well = cli("doctor", "scripted:script.py:answer")
    assert well.exit_code == 0
    assert "[yes] reachable" in well.stdout
    ill = cli("doctor", "scripted:script.py:refuses")
    assert ill.exit_code == 1
    assert "[no]  reachable: no answer: 400" in ill.stdout
