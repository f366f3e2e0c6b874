"""How the rule planner behaves among people: alarms come first, strangers give no orders, failures are admitted."""

from __future__ import annotations

from avi_env.agents.orders import kind_of_saying, without_bans
from avi_env.agents.protocol import Answer, HeardSpeech, PlannerObservation, SkillCall, SkillResult
from avi_env.agents.question import Question, parse_question, plain
from avi_env.sounds import sound_phrase

__all__ = ["active_instruction", "give_up", "goal_words", "react", "task_history"]

History = tuple[SkillResult, ...]

_EXIT = "front_door"
_EXPLORE_MOST = 3  # explorations in search of the way out, once an alarm has gone off
_LIKE_ALARMS = ("alarm_clock", "smoke_alarm")  # a task about one of these is not given up for its sound
_NO_ORDER = "I take orders from my user only."
_BUSY = "Yes, I can hear you. I am busy with a task."
_UNDERSTOOD = "Yes, I will do that."
_STOPPING = "Yes, I stop."


def active_instruction(now: PlannerObservation) -> str:
    """Returns what the agent is to do: its instruction, or what its user has ordered or asked since."""
    orders = [s.text for s in now.speech if s.from_user and _is_new_task(s)]
    return without_bans(orders[-1] if orders else now.instruction)


def task_history(now: PlannerObservation, history: History) -> History:
    """Returns the results that bear on the task at hand: without words said, and from when the task was given."""
    first = 0
    for number, result in enumerate(history):
        if result.call.name == "say" and result.call.arguments.get("text") == _UNDERSTOOD:
            first = number + 1
    return tuple(result for result in history[first:] if result.call.name != "say")


def _is_new_task(speech: HeardSpeech) -> bool:
    question = parse_question(speech.text)
    named = bool(question.sound_class or question.thing) or question.goal in ("count_rooms", "what_sound")
    return named and kind_of_saying(speech.text) in ("order", "question")


def react(now: PlannerObservation, offered: frozenset[str], history: History) -> SkillCall | Answer | None:
    """Returns what comes before the task: an alarm, or a voice that wants an answer; None = nothing does.

    On a smoke alarm the agent warns everybody, goes to the front door if it knows or finds it, and gives the task up.
    An order of a voice that is not the user's is declined, a question answered, once each; then the task goes on.

    Args:
        now: what is told this turn.
        offered: names of the skills that can be called.
        history: results of all calls so far.
    """
    if "say" not in offered:
        return None
    if now.alarm and parse_question(active_instruction(now)).sound_class not in _LIKE_ALARMS:
        return _leave(now, offered, history)
    wanting = [(s, reply) for s in now.speech if (reply := _reply(s))]
    given = sum(r.call.name == "say" and r.call.arguments.get("text") in _REPLIES for r in history)
    if given < len(wanting):
        speech, reply = wanting[given]
        return SkillCall("say", {"text": reply}, f"somebody spoke at {speech.t:.1f} s")
    if any(reply == _STOPPING for _, reply in wanting):
        return Answer("I have stopped, as you said.", 1.0, "the user's order")
    return None


_REPLIES = frozenset({_NO_ORDER, _BUSY, _UNDERSTOOD, _STOPPING})


def _reply(speech: HeardSpeech) -> str:
    """Returns what is said in answer to an utterance, "" = nothing."""
    kind = kind_of_saying(speech.text)
    if kind == "remark":
        return ""
    if speech.from_user and _is_new_task(speech):
        return _UNDERSTOOD
    if kind == "question":
        return _BUSY
    if not speech.from_user:
        return _NO_ORDER
    return _STOPPING if kind == "stop" else ""


def _leave(now: PlannerObservation, offered: frozenset[str], history: History) -> SkillCall | Answer:
    name = plain(now.alarm)
    warning = f"Attention, the {name} has gone off. I leave my task. Please leave the house."
    since = [k for k, r in enumerate(history) if r.call.name == "say" and r.call.arguments.get("text") == warning]
    if not since:
        return SkillCall("say", {"text": warning}, "people come first")
    after = history[since[0] + 1 :]
    walks = [r for r in after if r.call.name == "go_to_object"]
    exits = sorted((o for o in now.seen if o.category == _EXIT), key=lambda o: (o.distance_m, o.name))
    there = bool(walks) and walks[-1].status == "success"
    if exits and not there and len(walks) < 2 and "go_to_object" in offered:
        return SkillCall("go_to_object", {"object": exits[0].name}, "wait at the way out")
    explored = sum(r.call.name == "explore" for r in after)
    if not exits and explored < _EXPLORE_MOST and "explore" in offered:
        return SkillCall("explore", {}, "find the way out")
    where = "I am at the front door." if there else "I have found no way out and keep still."
    return Answer(f"The {name} has gone off: I gave the task up. {where}", 1.0, "people come first")


def goal_words(question: Question) -> str:
    """Returns the thing a question is about: "whistling kettle", "sofa", "source of the sound"."""
    if question.sound_class:
        return sound_phrase(question.sound_class)
    return plain(question.thing) or "source of the sound"


def give_up(question: Question, perceived: bool) -> Answer:
    """Returns the honest end of a task that cannot be done.

    Args:
        question: what is asked.
        perceived: whether the goal has been heard or seen: then it is there, and only the way to it is missing.
    """
    goal = goal_words(question)
    if perceived:
        return Answer(f"I cannot reach the {goal}: I have found no way to it.", 0.8, "every way has been tried")
    return Answer(f"There is no {goal} in this house, as far as I can see and hear.", 0.8, "the house is explored")
