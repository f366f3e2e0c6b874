"""Questions about an episode with their exact answers, and the episodes that make them true."""

from avi_env.tasks.questions.asking import TEMPLATES, Asked, draw_question, question_families, shape_episode
from avi_env.tasks.questions.event_log import EventLog, SourceLog, event_log, source_place
from avi_env.tasks.questions.grounding import Senses, Trajectory, evidence_seen, grounding
from avi_env.tasks.questions.places import room_question
from avi_env.tasks.questions.question import Evidence, Question, answer_is_right
from avi_env.tasks.questions.staging import QUESTION_SOURCES, Body

__all__ = [
    "QUESTION_SOURCES",
    "TEMPLATES",
    "Asked",
    "Body",
    "EventLog",
    "Evidence",
    "Question",
    "Senses",
    "SourceLog",
    "Trajectory",
    "answer_is_right",
    "draw_question",
    "event_log",
    "evidence_seen",
    "grounding",
    "question_families",
    "room_question",
    "shape_episode",
    "source_place",
]
