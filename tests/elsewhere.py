"""Canaries outside the one death of `tests.planting`: a near miss before a panel of its own, the
province's conclusion on an old case, a training. Who may meet which stands in `tests.test_leaks`.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from models import Conclusion, Document, Level
from tests.played import CLOSED, KINDS, NOW, TABS, Cast, _units, _upload
from workflows import gatherings as arranged
from workflows.actions import gatherings, opinions, provinces
from workflows.demo.answers import nearmiss as answers
from workflows.demo.nearmiss import Survival
from workflows.demo.play import QH
from workflows.demo.stage import Stage

AUTHOR, CHAIR = "fengjc", "chenyf"
HAPPENED = NOW - timedelta(days=25)
CANARIES = {
    "name of a survivor": "雀幸安",
    "success of a survivor": "QUESUCCESS",
    "opinion on a survivor": "QUESURVIVOROPINION",
    "conclusion on a survivor": "QUESURVIVORREASON",
    "improvement of a survivor": "QUEIMPROVED",
    "province's paper": "QUEPAPERNO",
    "province's reason": "QUEPROVINCEREASON",
    "training": "QUETRAINING",
}


class Elsewhere:
    """The near miss goes on with the death: sealed first, concluded afterwards."""

    def __init__(self, session: Session, cast: Cast) -> None:
        self.session, self.cast = session, cast
        stage = Stage(session, _units(session), _upload(session, cast.folder))
        self.play = Survival(stage, QH, HAPPENED, CANARIES["name of a survivor"], "774")

    def addresses(self) -> list[str]:
        """The pages of the near miss and its panel, its sheets with a canary; the province's."""
        assert self.play.stage.case is not None
        survivor, old = self.play.stage.case.id, self.cast.case(CLOSED).id
        panel = self.play._panel(Level.COUNTY).id
        asked = or_(
            and_(Document.case_id == survivor, Document.form.contains("nearmiss")),
            and_(Document.case_id == old, Document.form == provinces.FORM),
        )
        sheets = self.session.execute(select(Document.case_id, Document.id).where(asked))
        return [
            *(f"/cases/{survivor}{tab}" for tab in (*TABS, *KINDS, "/comments")),
            *(f"/{room}/{panel}" for room in ("opinions", "reviews", "meetings")),
            f"/meetings/{panel}/sheet",
            *(f"/cases/{case}/documents/{sheet}" for case, sheet in sheets),
            *(f"/cases/{old}/{tab}" for tab in ("reviews", "province")),
        ]

    def before(self) -> None:
        play = self.play
        play.report(3)
        play.receive(4)
        play.submit(60, success_factors=f"{CANARIES['success of a survivor']}：二线及时到场。")
        play.verify(80)
        play.select(90, "county")
        play.convene(100, Level.COUNTY, meeting=220)
        for hours, who in ((151, AUTHOR), (153, CHAIR)):
            said = answers.opinion(sign=play.stage.sign(who, play.at(hours)))
            if who == AUTHOR:
                said["good_practice"] = f"{CANARIES['opinion on a survivor']}：出血计量及时。"
            play.stage.act(who, "UT_opinion", said, play.at(hours))
        self._train()
        self.session.commit()

    def after(self) -> None:
        """Opened early and concluded; the province's paper on the old case has come."""
        panel = self.play._panel(Level.COUNTY)
        why, by = "两名专家出国未归，不能再等。", self.cast.seat(CHAIR)
        opinions.open_early(self.session, panel, why, by=by, now=self.play.at(200))
        problems = answers.problems(owner=self.play.unit("qh_mch"))
        problems[2]["improved_text"] = f"{CANARIES['improvement of a survivor']}管理制度"
        reason = f"{CANARIES['conclusion on a survivor']}：抢救及时，用血需要改进。"
        self.play.conclude(220, Level.COUNTY, reason=reason, problems=problems)
        self._province()
        self.session.commit()

    def _train(self) -> None:
        desk = self.cast.seat("fangcf")
        [unit, *_] = arranged.trainable(self.session, desk)
        gatherings.train(
            self.session,
            f"{CANARIES['training']}：死亡评审规范",
            "评审规范",
            NOW.date().isoformat(),
            {unit.id: 3},
            by=desk,
            now=NOW,
        )

    def _province(self) -> None:
        case, by = self.cast.case(CLOSED), self.cast.seat("chenglc")
        city = select(Conclusion).where(
            Conclusion.case_id == case.id, Conclusion.level == Level.CITY
        )
        below: dict[str, Any] = self.session.scalars(city).one().document.answers
        paper = self.play.stage.upload(by, "autopsy.pdf", NOW)
        said = {
            "doc_no": CANARIES["province's paper"] + " 7 号",
            "doc_date": "2026-11-10",
            "received_on": "2026-11-16",
            "files": [paper.token],
            "conclusion": "unavoidable",
            "difference_conclusion": CANARIES["province's reason"] + "：病情进展过快。",
            "underlying_icd": below["underlying_icd"],
            "grid": sorted(below.get("grid") or (), key=int),
            "major_factors": list(below.get("major_factors") or ()),
            "sign": self.play.stage.sign("chenglc", NOW),
        }
        provinces.enter(self.session, case, said, key="province", by=by, now=NOW)
