"""Which background workers are alive. The jobs themselves lie in the job engine's own tables."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class WorkerBeat(Base):
    """One worker process and when it last said so. Silent for long, it is taken for dead.

    `reaped_at` is the claim of the one worker that takes over the dead one's jobs.
    """

    __tablename__ = "worker_beat"

    worker: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    reaped_at: Mapped[datetime | None]
