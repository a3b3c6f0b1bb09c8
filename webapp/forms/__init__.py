"""Process forms on the page: a declared form becomes a WTForms class, and what was typed answers.

Rules live in `workflows.forms.check`; here is only reading and showing.
"""

from webapp.forms.form import Fault, Kept, Signing, TaskForm, build

__all__ = ["Fault", "Kept", "Signing", "TaskForm", "build"]
