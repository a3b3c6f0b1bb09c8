"""What is remembered. Knows SQLAlchemy and nothing else."""

from models.attachment import Attachment, BlindCopy
from models.base import Base, DataClass
from models.calendar import CalendarDay
from models.care_plan import CarePlan
from models.case import Case, CaseKind, CaseState, CaseUnit, Person, UnitPart
from models.clock import Clock
from models.comment import Audience, Comment, Watcher
from models.document import Document, Draft
from models.dossier import DossierKind, DossierRequest, DossierState
from models.duty import PERIODIC, Duty, DutyKind, DutyState
from models.event import Event
from models.expert_group import ExpertGroup, GroupMember
from models.figures import (
    Discrepancy,
    DiscrepancyEntry,
    DiscrepancyState,
    FigureImport,
    FigureSource,
)
from models.finding import Finding
from models.gathering import (
    ReviewDate,
    Training,
    TrainingPresence,
    TrainingUnit,
    ZoneAttendance,
    ZoneMeeting,
)
from models.icd10 import Icd10
from models.incident import Incident, IncidentKind
from models.indicator import Indicator, IndicatorValue, Suggestion
from models.job import WorkerBeat
from models.key_contact import KeyAction, KeyActionKind, KeyContact
from models.lesson import Lesson, LessonKind, LessonState
from models.mapping import Mapping
from models.meeting import Attendance, Guest, Meeting, MeetingMode, Signature, TieBreak
from models.motion import Measure, Motion, MotionObject, MotionState
from models.nearmiss import NearMiss, Timing
from models.notice import Notice, NoticeFile, NoticeFormat, NoticeKind, NoticeRecipient
from models.notification import Notification
from models.place import Organisation, OrganisationKind, Region, RegionLevel, Zone, ZoneKind
from models.press import Press
from models.procedure import ReviewProcedure
from models.process import (
    Definition,
    DefinitionOrigin,
    DefinitionState,
    FormText,
    Priority,
    Process,
    ProcessState,
    Task,
    TaskState,
    Timer,
    Transfer,
)
from models.rectification import (
    Effect,
    Extension,
    ItemSource,
    Rectification,
    RectificationEntry,
    RectificationState,
    Reopening,
)
from models.register import (
    Occasion,
    RiskAssessment,
    RiskCase,
    RiskColour,
    RiskEnd,
    RiskFactor,
    RiskGroup,
    RiskRecord,
    RiskReport,
)
from models.review import Conclusion, Declaration, Level, Opinion, Panel, PanelMember
from models.rule import FrozenRules
from models.search import KeyKind, SearchKey
from models.user import Appointment, Discipline, DiseaseGroup, Employment, Role, User, UserSession

__all__ = [
    "PERIODIC",
    "Appointment",
    "Attachment",
    "Attendance",
    "Audience",
    "Base",
    "BlindCopy",
    "CalendarDay",
    "CarePlan",
    "Case",
    "CaseKind",
    "CaseState",
    "CaseUnit",
    "Clock",
    "Comment",
    "Conclusion",
    "DataClass",
    "Declaration",
    "Definition",
    "DefinitionOrigin",
    "DefinitionState",
    "Discipline",
    "Discrepancy",
    "DiscrepancyEntry",
    "DiscrepancyState",
    "DiseaseGroup",
    "Document",
    "DossierKind",
    "DossierRequest",
    "DossierState",
    "Draft",
    "Duty",
    "DutyKind",
    "DutyState",
    "Effect",
    "Employment",
    "Event",
    "ExpertGroup",
    "Extension",
    "FigureImport",
    "FigureSource",
    "Finding",
    "FormText",
    "FrozenRules",
    "GroupMember",
    "Guest",
    "Icd10",
    "Incident",
    "IncidentKind",
    "Indicator",
    "IndicatorValue",
    "ItemSource",
    "KeyAction",
    "KeyActionKind",
    "KeyContact",
    "KeyKind",
    "Lesson",
    "LessonKind",
    "LessonState",
    "Level",
    "Mapping",
    "Measure",
    "Meeting",
    "MeetingMode",
    "Motion",
    "MotionObject",
    "MotionState",
    "NearMiss",
    "Notice",
    "NoticeFile",
    "NoticeFormat",
    "NoticeKind",
    "NoticeRecipient",
    "Notification",
    "Occasion",
    "Opinion",
    "Organisation",
    "OrganisationKind",
    "Panel",
    "PanelMember",
    "Person",
    "Press",
    "Priority",
    "Process",
    "ProcessState",
    "Rectification",
    "RectificationEntry",
    "RectificationState",
    "Region",
    "RegionLevel",
    "Reopening",
    "ReviewDate",
    "ReviewProcedure",
    "RiskAssessment",
    "RiskCase",
    "RiskColour",
    "RiskEnd",
    "RiskFactor",
    "RiskGroup",
    "RiskRecord",
    "RiskReport",
    "Role",
    "SearchKey",
    "Signature",
    "Suggestion",
    "Task",
    "TaskState",
    "TieBreak",
    "Timer",
    "Timing",
    "Training",
    "TrainingPresence",
    "TrainingUnit",
    "Transfer",
    "UnitPart",
    "User",
    "UserSession",
    "Watcher",
    "WorkerBeat",
    "Zone",
    "ZoneAttendance",
    "ZoneKind",
    "ZoneMeeting",
]
