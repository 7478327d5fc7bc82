"""`run` and `plan`."""

from commands import cli, run


def test_a_plan_tries_a_few_and_the_run_goes_on_from_there() -> None:
    run("n=1")  # writes the files
    flags = ["self_consistency", "seeds=seeds.jsonl", "samples=2", "shots=0", "out=planned",
             "models.teacher=scripted:script.py:answer"]  # fmt: skip
    planned = cli("plan", *flags, "--tasks", "1")
    assert planned.exit_code == 0
    assert planned.stdout.startswith("1 of 2 seeds gave 1 examples, 0 rejected, 0 failed; 1 calls")
    assert "All 2: about 2 calls" in planned.stdout
    done = cli("run", *flags)
    assert "2 examples, 0 rejected, 0 failed; 1 calls sent" in done.stdout


def test_a_plan_of_a_run_that_went_further_counts_all_that_it_made() -> None:
    run("n=1")  # writes the files
    flags = ["self_consistency", "seeds=seeds.jsonl", "samples=2", "shots=0", "out=planned",
             "models.teacher=scripted:script.py:answer"]  # fmt: skip
    cli("run", *flags)
    planned = cli("plan", *flags, "--tasks", "1").stdout
    assert planned.startswith("2 of 2 seeds gave 2 examples")
    assert "All 2: about 2 calls" in planned
    assert "Time" not in planned, "no call was sent, so nothing is known of time"
