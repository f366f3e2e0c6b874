"""Skills and the loop in the fake house: ordinary actions only, honest results, the same every time."""

from __future__ import annotations

import math
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from fake_house import ROOMS, FakeHouseEnv

from avi_env.agents.loop import AgentRun, RunLimits, StepReport, run_agent, senses_of
from avi_env.agents.perception import Perception
from avi_env.agents.planner_rules import RulePlanner
from avi_env.agents.planner_scripted import ScriptedPlanner
from avi_env.agents.protocol import RESULT_CODES, Answer, Invalid, PlannerObservation, SkillCall
from avi_env.agents.skills import SkillOutcome, SkillState, start_skill

BATHROOM_START = (1.0, 7.0, 1.0)


class SilentHouse(FakeHouseEnv):
    """The fake house with nothing to hear."""

    def _sound(self, ear: np.ndarray) -> np.ndarray:
        return np.zeros((2, 4000))


def drive(env: FakeHouseEnv, mind: Perception, call: SkillCall) -> tuple[SkillOutcome, list[int]]:
    """Carries a skill out; returns how it ended and its actions."""
    skill, actions = start_skill(call, mind, SkillState(), 400), []
    try:
        while True:
            actions.append(next(skill))
            mind.observe(env.step(actions[-1])[0], actions[-1])
    except StopIteration as end:
        return end.value, actions


def wake(env: FakeHouseEnv) -> Perception:
    """An agent at the start of an episode."""
    observation, _ = env.reset()
    mind = Perception(senses_of(env))
    mind.observe(observation)
    return mind


def script(env: FakeHouseEnv, *calls: SkillCall | Answer | str, **keywords: Any) -> AgentRun:
    """Runs a scripted planner."""
    return run_agent(env, ScriptedPlanner(calls), "Find the phone.", **keywords)


def test_go_to_sound_finds_the_phone_in_the_next_room() -> None:
    """From the living room the sound is followed through the door to the phone, within 1 m as the task asks."""
    env = FakeHouseEnv("phone", "phone", (3.0, 2.5, 0.0))
    mind = wake(env)
    outcome, actions = drive(env, mind, SkillCall("go_to_sound", {"sound": "sound_1"}))
    assert outcome.status == "success", outcome
    assert env.distance_to_goal() < 1.0
    assert set(actions) <= {1, 2, 3}
    assert len(actions) < 120


def test_go_to_sound_crosses_two_doors() -> None:
    """From the bathroom the sound is followed through two doors into the kitchen."""
    env = FakeHouseEnv("phone", "phone", BATHROOM_START)
    mind = wake(env)
    outcome, _ = drive(env, mind, SkillCall("go_to_sound", {"sound": "sound_1"}))
    assert outcome.status == "success", outcome
    assert mind.objects.by_name(f"phone_{env.thing.id}") is not None
    assert math.dist(env.position[[0, 2]], env.source[[0, 2]]) < 1.2


def test_exploring_sees_the_whole_house() -> None:
    """Explorations end when nothing is left, with every room's floor seen to 85 % of what is not under furniture."""
    env = SilentHouse("phone", "phone", (3.0, 2.5, 0.0))
    mind = wake(env)
    outcome, steps = SkillOutcome("success"), 0
    while outcome.code != "nothing_left" and steps < 400:
        outcome, actions = drive(env, mind, SkillCall("explore"))
        steps += len(actions)
    assert outcome.code == "nothing_left"
    assert len(mind.rooms.floors) == len(ROOMS)
    area = sum((x1 - x0) * (z1 - z0) for x0, z0, x1, z1 in ROOMS.values())
    assert mind.house.floor_area() > 0.85 * (area - 4.0)


def test_a_silent_house_has_no_sound_to_go_to() -> None:
    """Going to a sound that was never heard fails with its code."""
    env = SilentHouse()
    outcome, actions = drive(env, wake(env), SkillCall("go_to_sound", {"sound": "sound_1"}))
    assert (outcome.status, outcome.code) == ("failed", "lost_sound")
    assert len(actions) <= 8


def test_looking_and_listening_end_where_they_began() -> None:
    """A look round is made of turns and sees what is behind; listening sways and comes back to the same heading."""
    env = FakeHouseEnv()
    mind = wake(env)
    before = set(mind.objects.tracks)
    outcome, actions = drive(env, mind, SkillCall("look_around"))
    assert outcome.status == "success"
    assert set(actions) == {2}
    assert set(mind.objects.tracks) > before
    yaw = mind.yaw
    outcome, actions = drive(env, mind, SkillCall("listen", {"seconds": 2.0}))
    assert len(actions) == 8
    assert abs(mind.yaw - yaw) < 1e-6
    assert "phone" in outcome.message


def test_going_to_objects_and_rooms() -> None:
    """Seen objects are walked up to, known rooms walked into; unknown names fail with their code."""
    env = SilentHouse()
    mind = wake(env)
    drive(env, mind, SkillCall("look_around"))
    sofa = next(t for t in mind.objects.tracks.values() if t.category == "sofa")
    outcome, _ = drive(env, mind, SkillCall("go_to_object", {"object": sofa.name}))
    assert outcome.status == "success", outcome
    assert mind.distance_to(sofa) < 1.0
    kitchen = next(f for f in mind.rooms.floors if env.scene.objects[f].room == 1)
    outcome, _ = drive(env, mind, SkillCall("go_to_room", {"room": mind.rooms.name_of(kitchen, mind.objects)}))
    assert outcome.status == "success", outcome
    assert env.position[0] > 6.0
    for call in (SkillCall("go_to_object", {"object": "piano_1"}), SkillCall("go_to_room", {"room": "cellar_9"})):
        outcome, actions = drive(env, mind, call)
        assert (outcome.status, outcome.code, actions) == ("failed", "unknown_entity", [])


def test_a_new_sound_interrupts_exploring() -> None:
    """A sound that begins while the agent explores in silence ends the exploration as interrupted."""

    class LateHouse(FakeHouseEnv):
        def _sound(self, ear: np.ndarray) -> np.ndarray:
            return super()._sound(ear) * (self.steps >= 6)

    env = LateHouse("dog", "dog_bark", (3.0, 2.5, 0.0))
    mind = wake(env)
    outcome, steps = SkillOutcome("success"), 0
    while outcome.status == "success" and steps < 40:
        outcome, actions = drive(env, mind, SkillCall("explore"))
        steps += len(actions)
    assert (outcome.status, outcome.code) == ("interrupted", "preempted")


def test_the_rule_planner_answers_the_question() -> None:
    """End to end, the room of the phone is found and named, and the run tells what every skill cost."""
    env = FakeHouseEnv("phone", "phone", (3.0, 2.5, 0.0))
    reports: list[StepReport] = []
    run = run_agent(env, RulePlanner(), "Which room is the ringing phone in?", on_step=reports.append)
    assert run.ended == "answer"
    assert run.answer is not None
    assert "kitchen" in run.answer.text
    assert run.info["success"]
    assert run.actions[-1] == 0
    assert len(reports) == len(run.actions) + 1
    assert sum(r.steps for r in run.results) == len(run.actions) - 1
    assert all(r.code in RESULT_CODES for r in run.results)


def test_runs_repeat_exactly() -> None:
    """The same house and planner give the same actions and the same words."""
    limits = RunLimits(steps=40)
    runs = [
        run_agent(FakeHouseEnv("dog", "dog_bark", (3.0, 2.5, 2.0)), RulePlanner(), "Find the dog.", limits=limits)
        for _ in range(2)
    ]
    assert runs[0].actions == runs[1].actions
    assert runs[0].transcript == runs[1].transcript


def test_limits_end_a_run_honestly() -> None:
    """Out of steps or calls the run says so; no stop is claimed that was not made."""
    run = script(FakeHouseEnv(), *["look_around"] * 9, limits=RunLimits(steps=20, calls=9))
    assert (run.ended, len(run.actions)) == ("budget", 19)  # the last action is kept for a stop
    assert run.results[-1].steps == 0
    run = script(FakeHouseEnv(), *["listen"] * 9, limits=RunLimits(steps=500, calls=2))
    assert (run.ended, len(run.results)) == ("budget", 2)
    assert 0 not in run.actions


def test_unusable_replies_are_never_replaced_by_actions() -> None:
    """A planner without usable replies ends the run as invalid, with not one step taken."""
    run = script(FakeHouseEnv(), "dance", "dance")
    assert run.ended == "invalid"
    assert run.actions == ()
    assert isinstance(run.invalid, Invalid)


def test_planners_are_told_only_what_was_perceived() -> None:
    """What a planner is told at first names no room or object out of sight, and offers only what exists."""
    told: list[PlannerObservation] = []
    env = FakeHouseEnv("phone", "phone", (3.0, 4.0, math.radians(60.0)))
    script(env, "look_around", Answer("?"), on_call=lambda observation, _: told.append(observation))
    assert not any(o.category in ("phone", "stove", "toilet") for o in told[0].seen)
    assert {o.name for o in told[0].seen} < {o.name for o in told[1].seen}
    assert told[1].steps_left < told[0].steps_left
    assert told[1].heard[0].still_on


def test_missing_sensors_are_named() -> None:
    """An environment without the agent's sensors gets an error that names them and the remedy."""
    env = FakeHouseEnv()
    del env.observation_space.spaces["semantic"]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"semantic.*sensors="):
        senses_of(env)
    assert isinstance(env, gym.Env)
