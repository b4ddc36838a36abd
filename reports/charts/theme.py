"""What all charts look like: colours are the page's own, so that they follow dark and light."""

from typing import Any

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif'
SIZE = 12
SOFT = {"labelColor": "var(--soft)", "titleColor": "var(--soft)"}

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": FONT,
    "padding": {"left": 2, "right": 14, "top": 2, "bottom": 2},
    "autosize": {"type": "fit-x", "contains": "padding"},
    "view": {"stroke": None},
    "text": {"font": FONT, "fontSize": SIZE, "color": "var(--ink)"},
    "axis": {
        **SOFT,
        "labelFontSize": SIZE,
        "titleFontSize": SIZE,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelPadding": 6,
        "labelLimit": 150,
        "labelFlush": False,
        "domainColor": "var(--quiet)",
        "tickColor": "var(--quiet)",
        "gridColor": "var(--line)",
    },
    "axisY": {"domain": False, "ticks": False},
    "axisYDiscrete": {"labelColor": "var(--ink)", "labelFontWeight": 600, "grid": False},
    "axisX": {"grid": False},
    "legend": {
        **SOFT,
        "orient": "top",
        "labelFontSize": SIZE,
        "labelLimit": 220,
        "symbolStrokeWidth": 0,
        "columnPadding": 16,
    },
}
