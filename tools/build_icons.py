"""Build static/img/icons.svg from Tabler's outline icons: only those that the portal draws.

Needed only to add an icon: `npm pack @tabler/icons` in an empty folder, unpack it, add the name to ICONS, then
`python tools/build_icons.py <unpacked>/icons/outline`. The sprite is kept in the repository.
"""

import re
import sys
from pathlib import Path

ICONS = """
    alert-circle alert-triangle arrow-back-up arrows-exchange-2 ban building-bank calendar-off cash chart-bar
    check chevron-left chevron-right circle circle-check circle-dashed circle-half-2 circle-x clock copy
    credit-card device-desktop download file-dollar file-invoice file-minus filter-off headset hourglass
    info-circle key layout-dashboard loader-2 lock logout mail menu-2 minus moon pencil phone player-pause
    player-play plus
    printer receipt refresh scale search selector shield-lock stack-2 sun user x
"""
TARGET = Path(__file__).resolve().parent.parent / "static/img/icons.svg"


def symbol(name: str, source: str) -> str:
    """One icon as a <symbol>; strokes and sizes come from the stylesheet, so only the shapes are kept."""
    shapes = re.findall(r"<(?:path|circle|rect|line|polyline|ellipse)\b[^>]*/>", source)
    drawn = [re.sub(r"\s+", " ", shape).replace(" />", "/>") for shape in shapes if 'stroke="none"' not in shape]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(drawn)}</symbol>'


def main(folder: Path) -> None:
    symbols = [symbol(name, (folder / f"{name}.svg").read_text()) for name in sorted(ICONS.split())]
    head = '<svg xmlns="http://www.w3.org/2000/svg"><!-- Tabler Icons, MIT licence: static/vendor/tabler/LICENSE -->'
    TARGET.write_text("\n".join([head, *symbols, "</svg>", ""]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
