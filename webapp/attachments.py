"""Files people attach: taking them in, handing them out, letting an unused one go.

A file is handed out to whoever sees its case or duty, and to whoever uploaded it before it has one;
it is always downloaded, never shown by the browser as a page of ours.
"""

from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, jsonify, request, send_file
from flask.typing import ResponseReturnValue
from sqlalchemy import and_, or_, select
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from models import Attachment, Case
from webapp import copies, db
from webapp.access import current
from webapp.copies import folder
from webapp.forms import names
from workflows.actions import attachments
from workflows.events import EventName, record
from workflows.gatherings import files_of_trainings
from workflows.item_scope import files_of_duties
from workflows.measure_readers import files_of_measures, files_of_motions
from workflows.permissions import visible_cases
from workflows.readers import Reader
from workflows.replies import files_of_replies

bp = Blueprint("attachments", __name__)

ENVELOPE = 64 * 1024  # what a multipart request weighs besides its file
MOST_DRAINED = 100 * 1024 * 1024


def most_bytes() -> int:
    """The largest file taken."""
    return int(current_app.config["UPLOAD_BYTES"])


@bp.url_value_preprocessor
def limit_request(_endpoint: str | None, _values: object) -> None:
    """Runs before anything reads the body: no more than one file of the size allowed."""
    request.max_content_length = most_bytes() + ENVELOPE


@bp.errorhandler(RequestEntityTooLarge)
def too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    """Said as JSON, and the body read away: otherwise the browser sees a broken connection."""
    left = min(request.content_length or 0, MOST_DRAINED)
    while left > 0 and (chunk := request.environ["wsgi.input"].read(min(left, 1 << 20))):
        left -= len(chunk)
    return jsonify(message=f"文件超过 {most_bytes() >> 20} MB，压缩或拆分后再上传"), 413


def stored(file: FileStorage) -> Attachment:
    """A file that came with the request, as one's own upload; the caller commits. Raises
    Unacceptable, TooLarge."""
    return attachments.store(
        db.session,
        folder(),
        file.stream,
        file.filename or "",
        most_bytes=most_bytes(),
        by=current.appointment,
        now=current.now,
    )


@bp.post("/attachments")
def upload() -> ResponseReturnValue:
    """One file under the name `file`; answers with the token that forms name it by."""
    file = request.files.get("file")
    if file is None:
        return jsonify(message="没有收到文件，重新选择"), 400
    try:
        made = stored(file)
    except attachments.TooLarge as refused:
        return jsonify(message=str(refused)), 413
    except attachments.Unacceptable as refused:
        return jsonify(message=str(refused)), 415
    answer = {
        "token": made.token,
        "name": made.filename,
        "media_type": made.media_type,
        "pages": made.pages,
        "size": names.size(made.size),
    }
    db.session.commit()
    return jsonify(answer), 201


@bp.get("/attachments/<token>")
def download(token: str) -> ResponseReturnValue:
    """The file, as a download. Leaves an event when it belongs to a case."""
    attachment, reader = _visible(token), None
    if attachment.case is not None:
        reader = Reader(db.session, attachment.case, current.appointment)
    path, filename = folder() / attachment.token, attachment.filename
    if reader is not None and reader.blind:
        path, filename = _blind(attachment, reader)
    if not path.is_file():
        abort(404)
    if attachment.case_id is not None:
        _record_reading(attachment)
    response = send_file(path, mimetype=attachment.media_type, max_age=0, etag=False)
    response.headers.pop("Last-Modified", None)  # it would tell the day to who may not know it
    return _as_download(response, filename)


def _blind(attachment: Attachment, reader: Reader) -> tuple[Path, str]:
    """The copy that a reviewer gets, and its name, which is a number. 404 for what is withheld."""
    found = copies.materials(reader, reader.attachments()).get(attachment.id)
    if found is None or found.copy.token is None:
        abort(404)
    return folder() / found.copy.token, found.name


def _as_download(response: Response, filename: str) -> Response:
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _visible(token: str) -> Attachment:
    by = current.appointment
    cases = visible_cases(by).with_only_columns(Case.id)
    own = and_(Attachment.case_id.is_(None), Attachment.uploaded_by_id == by.user_id)
    query = select(Attachment).where(Attachment.token == token)
    of_duties = or_(
        files_of_duties(by),
        files_of_measures(by),
        files_of_replies(by),
        files_of_motions(by),
        files_of_trainings(by),
    )
    found = db.one_or_404(query.where(or_(own, of_duties, Attachment.case_id.in_(cases))))
    if found.case is not None:  # who may open the case may still not read every file of it
        reader = Reader(db.session, found.case, current.appointment)
        if not reader.reads_attachment(found):
            abort(404)
    return found


def _record_reading(attachment: Attachment) -> None:
    with db.transaction() as session:
        record(
            session,
            EventName.ATTACHMENT_READ,
            case=session.get_one(Case, attachment.case_id),
            by=session.merge(current.appointment, load=True),
            now=current.now,
            attachment=attachment.id,
        )


@bp.delete("/attachments/<token>")
def remove(token: str) -> ResponseReturnValue:
    """Let one's own upload go, as long as nothing has it."""
    attachment = _visible(token)
    try:
        attachments.remove(db.session, attachment, by=current.appointment)
    except attachments.InUse:
        return jsonify(message="文件已经提交，不能删除"), 409
    db.session.commit()
    attachments.erase(folder(), token)
    return "", 204
