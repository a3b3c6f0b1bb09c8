"""A desk where any form can be tried: one route that shows a form, judges it and says its answers.

Also reads a page the way a browser would before it submits the form.
"""

import turbohtml
from flask import Flask, jsonify, render_template_string
from flask.typing import ResponseReturnValue

from webapp import db, drafts, forms
from webapp.access import current
from webapp.forms import TaskForm
from webapp.tasks import signing
from workflows import surroundings
from workflows.forms import check
from workflows.forms.spec import Answers, Form

PAGE = """{% extends "base.html" %}
{% from "forms/form.html" import form_page, form_head, form_scripts %}
{% block title %}{{ form.spec.title }}{% endblock %}
{% block styles %}{{ form_head() }}{% endblock %}
{% block scripts %}{{ form_scripts() }}{% endblock %}
{% block content %}{{ form_page(form) }}{% endblock %}"""

PLACE = "report"  # the one place whose drafts need no task
Pairs = list[tuple[str, str]]


def set_up(app: Flask, spec: Form, prefill: Answers | None = None, *, judged: bool = True) -> None:
    """Serve the form at /trial of an app with that route (the mark `trial`). Handed in, it answers
    with the answers as JSON.

    `judged=False` leaves out the rules: whatever could be read is accepted.
    """
    app.config["TRIAL"] = spec, prefill, judged


def add_route(app: Flask) -> None:
    """The route of the desk; which form it shows, `set_up` says."""

    @app.route("/trial", methods=["GET", "POST"])
    def desk() -> ResponseReturnValue:
        spec, prefill, judged = app.config["TRIAL"]
        form = forms.build(spec)(prefill, place=PLACE, draft=drafts.find(PLACE), signing=signing())
        if form.parse():
            if judged:
                form.show_errors(errors_of(form))
            if not form.faults:
                return jsonify(form.answers)
        return render_template_string(PAGE, form=form), form.status


def errors_of(form: TaskForm) -> dict[str, list[str]]:
    """What the rules say, with the world around a new report."""
    by, now = current.appointment, current.now
    known = surroundings.known(db.session, None, None, by=by, now=now)
    return check.check(form.spec, form.answers, now=now, known=known)


def typed_on(page: str) -> Pairs:
    """Names and values that a browser would submit from the page's form, in order."""
    [form] = turbohtml.parse(page).select("form.task-form")
    return form.form_data()
