"""Skills by policies and by the truth: the same calls, the same results, other ways; privilege is always told."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fake_house import FakeHouseEnv
from numpy.testing import assert_allclose

from avi_env.agents.backends import SkillBackends, make_leads, make_recognition, parse_backends
from avi_env.agents.geometry import heading_vector
from avi_env.agents.load import load_manifest
from avi_env.agents.loop import NEEDED_SENSORS, AgentRun, run_agent, senses_of
from avi_env.agents.perception import Perception
from avi_env.agents.planner_scripted import ScriptedPlanner
from avi_env.agents.protocol import SkillCall
from avi_env.agents.recognition import Verdict, load_templates
from avi_env.agents.skills import Leads, SkillOutcome, SkillState, start_skill
from avi_env.cli import main
from avi_env.envs.config import EnvConfig
from avi_env.envs.single import AviEnv
from avi_env.policies import files
from avi_env.policies.policy import PolicySpec
from avi_env.sounds import sound_classes

BODY = {"task": "AudioNav", "sensors": NEEDED_SENSORS}
STOP, FORWARD, LEFT, RIGHT = range(4)


class Follower:
    """A policy of a few lines: turns to where it is told the goal is and walks; stops after so many steps, or there."""

    def __init__(self, sensors: tuple[str, ...], steps: int = 400) -> None:
        self.sensors, self.steps = sensors, steps
        self.spec = PolicySpec("av_nav", {}, {**BODY, "width": 64, "height": 64})
        self.seen: list[dict[str, torch.Tensor]] = []
        self.first: list[bool] = []

    def begin(self, batch: int) -> dict[str, torch.Tensor]:
        """Nothing is remembered but the time."""
        return {"step": torch.zeros(batch, dtype=torch.int64)}

    def act(self, observation: Any, memory: Any, first: torch.Tensor, *, generator: Any = None) -> Any:
        """Acts."""
        self.seen.append(observation)
        self.first.append(bool(first[0]))
        step = torch.where(first, 0, memory["step"]) + 1
        action = FORWARD
        if "goal" in self.sensors:
            away, azimuth = observation["goal"][0].tolist()
            turn = LEFT if azimuth > 0 else RIGHT
            action = STOP if away < 0.2 else turn if abs(azimuth) > math.radians(8.0) else FORWARD
        return torch.tensor([STOP if int(step) > self.steps else action]), {"step": step}


class House(FakeHouseEnv):
    """The fake house with the whole of an environment's settings, silent where that is asked for."""

    def __init__(self, silent: bool = False) -> None:
        super().__init__()
        self.config: Any = EnvConfig.from_keywords(BODY)
        self.silent = silent

    def _sound(self, ear: np.ndarray) -> np.ndarray:
        return np.zeros((2, 4000)) if self.silent else super()._sound(ear)


def shipped(monkeypatch: pytest.MonkeyPatch, **policies: Follower) -> None:
    """Lets policies be found by their names."""
    monkeypatch.setattr(files, "load_policy", lambda name: policies[str(name)])


def drive(env: Any, mind: Perception, call: SkillCall, leads: Leads, left: int = 400) -> tuple[SkillOutcome, list[int]]:
    """Carries a skill out; returns how it ended and its actions."""
    skill, actions = start_skill(call, mind, SkillState(), left, leads), []
    try:
        while True:
            actions.append(next(skill))
            mind.observe(env.step(actions[-1])[0], actions[-1])
    except StopIteration as end:
        return end.value, actions


def wake(env: Any) -> Perception:
    """An agent that has looked round once."""
    observation, _ = env.reset(seed=3)
    mind = Perception(senses_of(env))
    mind.observe(observation)
    drive(env, mind, SkillCall("look_around"), Leads())
    return mind


def test_words_and_tables_choose_backends() -> None:
    """One word is for all skills that walk, later words count more, agent.toml is the base; mistakes are named."""
    assert parse_backends("") == SkillBackends()
    assert parse_backends("", {"go_to_room": "oracle"}).go_to_room == "oracle"
    chosen = parse_backends("policy, go_to_room=oracle,sound_policy=av_nav_avnet", {"go_to_sound": "oracle"})
    assert chosen == SkillBackends("policy", "policy", "oracle", "av_nav_avnet")
    assert parse_backends("classical", {"go_to_room": "oracle"}) == SkillBackends()
    for words, message in (
        ("polcy", "Did you mean 'policy'"),
        ("go_to_sond=policy", "Did you mean 'go_to_sound'"),
        ("go_to_sound=orakle", "Did you mean 'oracle'"),
    ):
        with pytest.raises(ValueError, match=message):
            parse_backends(words)


def test_names_tell_what_skills_are_made_of() -> None:
    """By default nothing is added; a privileged skill is called so."""
    assert SkillBackends().label("rules") == "rules"
    assert SkillBackends(go_to_sound="policy").label("rules") == "rules (go_to_sound=policy)"
    assert SkillBackends(go_to_room="oracle").label("rules") == "rules (go_to_room=oracle, privileged)"


def test_an_agent_names_its_backends(tmp_path: Path) -> None:
    """[skills] of agent.toml is checked when it is read; a step agent has none."""
    manifest = tmp_path / "agent.toml"
    manifest.write_text('planner = "rules"\n[skills]\ngo_to_sound = "policy"\n')
    assert load_manifest(tmp_path).skills == {"go_to_sound": "policy"}
    manifest.write_text('planner = "rules"\n[skills]\ngo_to_sound = "polici"\n')
    with pytest.raises(ValueError, match="Did you mean 'policy'"):
        load_manifest(tmp_path)
    manifest.write_text('python = "mine.py:Mine"\n[skills]\ngo_to_sound = "policy"\n')
    with pytest.raises(ValueError, match="a step agent has no skills"):
        load_manifest(tmp_path)
    assert main(["evaluate", "audionav", "--agent", "random", "--skills", "policy"]) == 2


def test_go_to_sound_by_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """It acts on what the agent perceives, from the origin of an episode of its own, and its stop is the outcome."""
    policy = Follower(("depth", "audio", "pose"), steps=3)
    shipped(monkeypatch, av_nav=policy)
    env = House()
    mind = wake(env)
    drive(env, mind, SkillCall("look_around"), Leads(), left=5)  # so that the episode's pose is not the policy's
    at = mind.pose
    leads = make_leads(SkillBackends(go_to_sound="policy"), env)
    outcome, actions = drive(env, mind, SkillCall("go_to_sound", {"sound": "sound_1"}), leads)
    assert (outcome.status, outcome.code, actions) == ("success", "ok", [FORWARD] * 3)
    assert policy.first == [True, False, False, False]
    assert set(policy.seen[0]) == {"depth", "audio", "pose"}
    assert policy.seen[0]["depth"].shape == (1, 64, 64, 1)
    assert_allclose(policy.seen[0]["pose"][0].numpy(), np.zeros(4), rtol=0, atol=1e-6)
    walked = math.dist(at[[0, 2]], mind.pose[[0, 2]])
    assert walked > 0.2
    assert_allclose(policy.seen[3]["pose"][0].numpy(), [0.0, 0.0, -walked, 0.0], rtol=0, atol=1e-5)
    ahead = heading_vector(float(at[3]))
    assert_allclose(mind.pose[[0, 2]] - at[[0, 2]], walked * np.array(ahead), rtol=0, atol=1e-5)
    outcome, actions = drive(env, mind, SkillCall("go_to_sound", {"sound": "sound_1"}), leads, left=2)
    assert (outcome.status, outcome.code, len(actions)) == ("timeout", "budget", 2)


def test_in_silence_a_policy_is_not_asked() -> None:
    """Going to a sound that was never heard fails with its code, whoever would lead."""
    env = House(silent=True)
    leads = make_leads(SkillBackends(go_to_sound="policy"), env)
    outcome, actions = drive(env, wake(env), SkillCall("go_to_sound", {"sound": "sound_1"}), leads)
    assert (outcome.status, outcome.code, actions) == ("failed", "lost_sound", [])


def test_go_to_objects_and_rooms_by_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's map says where to, as the sensor "goal" would; the policy walks, the skill judges where it is."""
    policy = Follower(("depth", "goal"))
    shipped(monkeypatch, point_nav=policy)
    env = House(silent=True)
    mind = wake(env)
    leads = make_leads(parse_backends("go_to_object=policy,go_to_room=policy"), env)
    sofa = next(track for track in mind.objects.tracks.values() if track.category == "sofa")
    outcome, _ = drive(env, mind, SkillCall("go_to_object", {"object": sofa.name}), leads)
    assert outcome.status == "success", outcome
    assert mind.distance_to(sofa) < 1.0
    assert set(policy.seen[0]) == {"depth", "goal"}
    asked = len(policy.seen)
    here = mind.rooms.name_of(mind.floor, mind.objects)
    outcome, _ = drive(env, mind, SkillCall("go_to_room", {"room": here}), leads)
    assert outcome.status == "success", outcome
    assert len(policy.seen) > asked
    policy.steps = 0
    far = next(track for track in mind.objects.tracks.values() if mind.distance_to(track) > 2.0)
    outcome, actions = drive(env, mind, SkillCall("go_to_object", {"object": far.name}), leads)
    assert (outcome.status, outcome.code, actions) == ("failed", "unreachable", [])
    outcome, actions = drive(env, mind, SkillCall("go_to_room", {"room": "cellar_9"}), leads)
    assert (outcome.status, outcome.code, actions) == ("failed", "unknown_entity", [])


def test_a_policy_of_another_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the keyword, when the policy is first asked."""
    policy = Follower(("depth", "rgb", "goal"))
    shipped(monkeypatch, point_nav=policy)
    env = House(silent=True)
    mind = wake(env)
    thing = next(iter(mind.objects.tracks.values())).name
    with pytest.raises(ValueError, match="needs the sensor 'rgb'"):
        drive(env, mind, SkillCall("go_to_object", {"object": thing}), make_leads(parse_backends("policy"), env))


def oracle_run(env: AviEnv, *calls: SkillCall) -> AgentRun:
    """Runs a script with skills led by the truth."""
    backends = parse_backends("oracle")
    return run_agent(env, ScriptedPlanner((*calls, "stop")), "Find it.", backends=backends)


def test_the_truth_leads_to_source_object_and_room() -> None:
    """It takes the shortest path to the source: SPL 1; it gets to objects and rooms through what nobody has seen."""
    env = AviEnv(scene="house:3", sensors=NEEDED_SENSORS, rooms=3, width=64, height=64, bake_paths=64)
    env.reset(seed=3)
    run = oracle_run(env, SkillCall("go_to_sound", {"sound": "sound_1"}))
    assert run.results[0].status == "success"
    assert run.info["success"]
    assert run.info["spl"] > 0.9
    mind = wake(env)
    leads = make_leads(parse_backends("oracle"), env)
    track = max(mind.objects.tracks.values(), key=mind.distance_to)
    outcome, actions = drive(env, mind, SkillCall("go_to_object", {"object": track.name}), leads)
    assert mind.distance_to(track) < 1.5, outcome
    assert actions
    floor = next(number for number in mind.rooms.floors if number != mind.floor)
    name = mind.rooms.name_of(floor, mind.objects)
    outcome, _ = drive(env, mind, SkillCall("go_to_room", {"room": name}), leads)
    assert outcome.status == "success", outcome
    with pytest.raises(ValueError, match="environment of avi-env"):
        make_leads(parse_backends("oracle"), House())


class Tagger:
    """Says that it hears a phone where there is anything to hear, each time a little."""

    def __init__(self) -> None:
        self.spec, self.classes = SimpleNamespace(sample_rate=16000), sound_classes()
        self.heard: list[torch.Tensor] = []

    def tag(self, audio: torch.Tensor) -> SimpleNamespace:
        """Tells."""
        self.heard.append(audio)
        chance = torch.full((1, 2, len(self.classes)), 0.5 / (len(self.classes) - 1))
        chance[:, :, self.classes.index("phone")] = 0.5
        return SimpleNamespace(probability=chance, activity=torch.tensor([[0.9, 0.1]]))


def test_the_tagger_recognises_behind_the_same_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its classes add up to a verdict, with level and rests as the templates have them; silence tells nothing."""
    made = Tagger()
    monkeypatch.setattr("avi_env.policies.tagger.load_tagger", lambda name: made)
    backends = parse_backends("recognition=tagger")
    assert backends.label("rules") == "rules (recognition=tagger)"
    tagged = make_recognition(backends, 48000, 0.25)
    templates = load_templates()
    assert set(tagged.probabilities) == set(templates.names)
    for _ in range(4):
        tagged.observe(np.zeros((2, 48000), np.float32))
    assert (tagged.verdict, made.heard) == (Verdict("unknown", 0.0), [])
    noise = np.random.default_rng(0).normal(0.0, 0.1, (2, 48000)).astype(np.float32)
    for _ in range(8):
        tagged.observe(noise)
    assert made.heard[0].shape == (1, 2, 16000)
    assert tagged.verdict.name == "phone"
    assert tagged.verdict.confidence > 0.9
    k = templates.names.index("phone")
    assert_allclose(tagged.source_level[0], templates.levels[k], rtol=0, atol=2.0)
    assert_allclose(tagged.rest_s, templates.rests[k], rtol=0, atol=0.3)
    with pytest.raises(ValueError, match="sample_rate=16000"):
        make_recognition(backends, 8000, 0.25)
