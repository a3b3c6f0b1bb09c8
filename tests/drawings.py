"""Whether the picture of every BPMN file is current.

webapp/diagrams/draw.cjs writes the checksum of the BPMN file into the SVG; comparing it needs no
node. Knows nothing of what the diagrams mean.

    python -m tests.drawings      exit status 1 names the diagrams to draw again: make diagrams
"""

import hashlib
import json
import sys
from pathlib import Path
from xml.etree import ElementTree

PROCESSES = Path(__file__).resolve().parent.parent / "workflows/processes"
CHECKSUM = "data-source-sha256"


def stale(processes: Path) -> list[str]:
    """BPMN files without a current picture, and pictures without a BPMN file."""
    wrong = []
    for source in sorted(processes.rglob("*.bpmn")):
        picture = source.with_suffix(".svg")
        wanted = hashlib.sha256(source.read_bytes()).hexdigest()
        if not picture.exists() or ElementTree.parse(picture).getroot().get(CHECKSUM) != wanted:
            wrong.append(str(source.relative_to(processes)))
    for picture in sorted(processes.rglob("*.svg")):
        if not picture.with_suffix(".bpmn").exists():
            wrong.append(str(picture.relative_to(processes)))
    return wrong


def main(processes: Path = PROCESSES) -> int:
    """Print what is stale; the last line is figures."""
    wrong = stale(processes)
    for name in wrong:
        print(f"not current, draw it again with make diagrams: {name}")
    print(json.dumps({"diagrams": len(list(processes.rglob("*.bpmn"))), "stale": len(wrong)}))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
