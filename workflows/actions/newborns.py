"""What follows from the steps of a newborn's death: its card says when it was born and whose child
it was."""

from workflows import newborns
from workflows.actions.reports import file_case
from workflows.actions.tasks import Handing
from workflows.engine import Flags
from workflows.forms.moment import moment


def file_newborn(step: Handing) -> Flags:
    """The individual case is with county MCH; birth and mother's case are kept beside it."""
    case, answers = step.case, step.answers
    case.born_at = moment(answers["birth_dt"])
    number = answers.get("mother_case_no")
    mother = newborns.mother(step.session, step.by, number) if number else None
    case.mother_id = mother.id if mother is not None else None
    return file_case(step)
