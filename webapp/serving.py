"""What each web process does when it is ready; gunicorn reads it as its configuration."""

import gc

_MANY = 20_000  # objects more than were thrown away, before Python looks for circles of them


def settle(many: int = _MANY) -> None:
    """What has been loaded stays for ever: it is not looked through for garbage again and again, in
    the midst of somebody's page."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(many, 10, 10)


def post_worker_init(_worker: object) -> None:
    """gunicorn's hook: the application is loaded, no request has come."""
    settle()
