"""Samples of the capabilities beside word problems and code: tasks, roles, agents, scenes."""

import random

from training.pocket import alignment, formats, instructions, roleplay, scenes, town
from training.pocket.chat import Message, Sample, chat
from training.pocket.problems import make_problem


def list_tasks(rng: random.Random) -> Sample:
    """The list of eight goes on: general tasks, word problems, or both."""
    share = rng.choice((0.0, 0.0, 0.5, 1.0))
    principles, new = rng.choice((3, 4, 6, 8)), rng.choice((1, 2, 3, 4))
    words: list[str] = []
    while len(words) < principles + new:
        problem = rng.random() < share
        text = make_problem(rng).question if problem else instructions.any_task(rng)[0]
        if text not in words:
            words.append(text)
    more = [f"{i}. {t}" for i, t in enumerate(words[principles:], principles + 1)]
    reply = "\n".join(more).removeprefix(f"{principles + 1}. ")
    return chat("task_list", formats.task_list(words[:principles]), reply)


def classify_task(rng: random.Random) -> Sample:
    demos = [instructions.any_task(rng) for _ in range(rng.choice((0, 2, 4, 6, 8)))]
    task, yes = instructions.any_task(rng)
    user = formats.is_classification(task, demos)
    return chat("is_classification", user, "Yes" if yes else "No")


def task_instances(rng: random.Random) -> Sample:
    kind = rng.choice(instructions.KINDS)
    ask = formats.output_first if kind.classifies else formats.input_first
    return chat("instances", ask(rng.choice(kind.phrasings)), instructions.instances(kind, rng))


def follow(rng: random.Random) -> Sample:
    kind = rng.choice(instructions.KINDS)
    input, output = kind.make(rng)
    return chat("instruction", formats.instruction(rng.choice(kind.phrasings), input), output)


def answer_by_principles(rng: random.Random) -> Sample:
    case, principles, reply = alignment.answer_by_principles(rng)
    messages: tuple[Message, ...] = (
        ("system", formats.principles_system(principles)),
        ("user", formats.principles_user(case.question)),
        ("assistant", reply),
    )
    return Sample("principles", messages)


def camel(rng: random.Random) -> Sample:
    """One side of a role-playing session up to some turn; all of that side's turns count."""
    assistant, user, job = roleplay.make_job(rng)
    requests = [roleplay.instruction_turn(t) for t in job.turns]
    solve_rate = [roleplay.solution_turn(t) for t in job.turns]
    task = rng.choice((job.short, job.specific))
    if rng.random() < 0.5:
        n = rng.randint(1, len(requests))
        system = formats.camel_assistant_system(assistant, user, task)
        pairs = zip(requests[:n], solve_rate[:n], strict=True)
        turns = [m for a, s in pairs for m in (("user", a), ("assistant", s))]
    else:
        n = rng.randint(0, len(requests))
        system = formats.camel_user_system(assistant, user, task)
        turns = [("user", formats.CAMEL_START)]
        for a, s in zip(requests[:n], solve_rate[:n], strict=True):
            turns += [("assistant", a), ("user", s)]
        turns.append(("assistant", requests[n] if n < len(requests) else formats.TASK_DONE))
    return Sample("camel", (("system", system), *turns))


def camel_setup(rng: random.Random) -> Sample:
    """Roles, tasks for a pair of roles, a specified task."""
    assistant, user, job = roleplay.make_job(rng)
    draw = rng.random()
    if draw < 0.3:
        n, side = rng.randint(3, 8), rng.choice(("assistant", "user"))
        bank = roleplay.ASSISTANTS if side == "assistant" else roleplay.USERS
        reply = town.number_lines(rng.sample(bank, n))
        return chat("camel_setup", formats.camel_roles(n, side), reply)
    if draw < 0.65:
        n = rng.randint(3, 6)
        tasks = [rng.choice(roleplay.JOBS)(rng).short + "." for _ in range(n)]
        return chat(
            "camel_setup", formats.camel_tasks(assistant, user, n), town.number_lines(tasks)
        )
    return chat("camel_setup", formats.camel_specify(assistant, user, job.short), job.specific)


def town_memory(rng: random.Random) -> Sample:
    text, score = town.memory(town.agent(rng), rng)
    return chat("importance", formats.importance(text), str(score))


def town_reflect(rng: random.Random) -> Sample:
    who = town.agent(rng)
    statements, requests, lines = town.evidence(who, rng)
    if rng.random() < 0.4:
        n = rng.randint(1, min(3, len(requests)))
        return chat(
            "focal", formats.focal_questions(statements, n), town.number_lines(requests[:n])
        )
    n = rng.randint(len(lines), 5)
    return chat("insights", formats.insights(who.name, statements, n), town.number_lines(lines))


def town_act(rng: random.Random) -> Sample:
    draw = rng.random()
    if draw < 0.2:
        who, day = town.agent(rng), rng.choice(("Monday", "Wednesday", "Friday", "Sunday"))
        return chat("plan", formats.day_plan(who.identity, who.name, day), town.plan(who, rng))
    if draw < 0.4:
        hobby, minutes = rng.choice(list(town.SUBTASKS)), rng.choice((30, 60, 60, 90))
        user = formats.decompose(
            rng.choice(town.NAMES), f"{rng.randint(1, 9)}:00 pm", minutes, hobby
        )
        return chat("decompose", user, town.subtasks(hobby, minutes, rng))
    if draw < 0.6:
        requests, reply = town.reaction(rng)
        return chat("react", formats.react(*requests), reply)
    if draw < 0.8:
        who, memories, text, reply = town.talk(rng)
        return chat("dialogue", formats.dialogue(who.identity, memories, text, who.name), reply)
    who, memories, question, reply = town.answer_interview(rng)
    return chat("interview", formats.interview(who.identity, memories, question), reply)


def scene(rng: random.Random) -> Sample:
    regions = scenes.make_scene(rng)
    text, draw = scenes.as_text(regions), rng.random()
    if draw < 0.25:
        return chat("caption", formats.caption(text), scenes.caption(regions, rng))
    if draw < 0.55:
        region = rng.choice(regions)
        return chat("region", formats.region_caption(text, region.rid), scenes.one_region(region))
    pairs = scenes.questions(regions, rng)
    if draw < 0.85:
        q, a = pairs[0]
        return chat("scene_question", formats.scene_question(text, q), a)
    talk = [f"Question: {q}\nAnswer: {a}" for q, a in pairs[: rng.randint(2, 3)]]
    return chat("scene_talk", formats.scene_conversation(text), "\n===\n".join(talk))
