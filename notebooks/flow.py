"""Draws flow.svg: how a run flows from its configuration to a table. `python notebooks/flow.py` writes it again."""

from pathlib import Path

WIDTH, HEIGHT = 800, 230
BOX = 138, 64  # width and height of a box
# (column, row): what it is, where it happens, what it does
BOXES = {
    (0, 0): ("configuration", "conf/ + overrides", "composed by Hydra"),
    (1, 0): ("check", "config/", "every key and range"),
    (2, 0): ("build", "training/build.py", "model, loss, data"),
    (3, 0): ("train", "training/fit.py", "Lightning, one matrix"),
    (4, 0): ("run", "outputs/runs/NAME", "record, weights, page"),
    (0, 1): ("table", "tables/", "seeds, differences"),
    (1, 1): ("sweep", "multirun/", "jobs, comparison"),
    (2, 1): ("scores", "evaluation/", "official protocols"),
    (3, 1): ("label maps", "inference/", "images and videos"),
    (4, 1): ("product", "deployment/", "ONNX, int8, weights"),
}
ALONG = [((column, 0), (column + 1, 0)) for column in range(4)]
DOWN = [((4, 0), (column, 1)) for column in range(5)]
STYLE = """
  .box { fill: #ffffff; stroke: #57606a; } .name { fill: #1f2328; font-weight: 600; } .place { fill: #0969da; }
  .says { fill: #57606a; } .line { stroke: #57606a; fill: none; } .head { fill: #57606a; }
  text { font: 12px system-ui, sans-serif; text-anchor: middle; } .name { font-size: 14px; }
  @media (prefers-color-scheme: dark) {
    .box { fill: #161b22; stroke: #8b949e; } .name { fill: #f0f6fc; } .place { fill: #58a6ff; }
    .says { fill: #9da7b1; } .line { stroke: #8b949e; } .head { fill: #8b949e; }
  }
"""


def drawn() -> str:
    """The figure as SVG, in the colours of a light and of a dark page."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" '
        'aria-label="A configuration is checked and built, trained to a run, and the run scored, compared, exported">',
        f"<style>{STYLE}</style>",
        '<defs><marker id="head" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="head" d="M0 0 L8 4 L0 8 z"/></marker></defs>',
    ]
    for begin, end in ALONG:
        (left, top), (right, _) = corner(begin), corner(end)
        lines.append(arrow(f"M{left + BOX[0]} {top + BOX[1] // 2} H{right - 2}"))
    trunk = corner((4, 0))[1] + BOX[1] + 28
    for begin, end in DOWN:
        (left, top), (under, below) = corner(begin), corner(end)
        middle, target = left + BOX[0] // 2, under + BOX[0] // 2
        lines.append(arrow(f"M{middle} {top + BOX[1]} V{trunk} H{target} V{below - 2}"))
    for place, texts in BOXES.items():
        left, top = corner(place)
        lines.append(f'<rect class="box" x="{left}" y="{top}" width="{BOX[0]}" height="{BOX[1]}" rx="8"/>')
        for number, (kind, text) in enumerate(zip(("name", "place", "says"), texts, strict=True)):
            lines.append(f'<text class="{kind}" x="{left + BOX[0] // 2}" y="{top + 20 + 17 * number}">{text}</text>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def corner(place: tuple[int, int]) -> tuple[int, int]:
    """The upper left corner of a box, in pixels."""
    column, row = place
    return 8 + column * (BOX[0] + 22), 16 + row * (BOX[1] + 64)


def arrow(path: str) -> str:
    return f'<path class="line" d="{path}" marker-end="url(#head)"/>'


if __name__ == "__main__":
    Path(__file__).with_name("flow.svg").write_text(drawn(), encoding="utf-8")
