"""How the page behaves with much, measured in a real Chromium. The prices are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kit.browser import Browser

MINUTE_MS = 60_000
# What a server says that knows nothing.
EMPTY: dict[str, Any] = {
    "state": None,
    "names": [],
    "names_known": False,
    "empty": "",
    "location": "here",
    "trouble": "",
}
BEGIN_MS = 1_700_000_040_000
# A walk that is the same each time (a linear congruential generator), as candles of a minute.
MADE_UP = """
window.walk = { seed: 7, price: 50000 };
window.step = () => {
  walk.seed = (walk.seed * 1103515245 + 12345) % 2147483648;
  walk.price *= 1 + (walk.seed / 2147483648 - 0.5) / 1000;
  return walk.price;
};
window.madeUp = (time_ms) => {
  const prices = [step(), step(), step(), step()];
  const text = (number) => number.toFixed(2);
  return {
    time_ms, open: text(prices[0]), high: text(Math.max(...prices)), low: text(Math.min(...prices)),
    close: text(prices[3]), volume: text(walk.seed / 1e9), trades: 4, ma_5: text(prices[1]),
    ma_20: text(prices[2]), volatility: text(Math.abs(prices[0] - prices[3])),
  };
};
"""
SCROLL = """
(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const scale = page.chart.chart.timeScale();
  const drawn = [];
  for (let from = COUNT - WIDTH; drawn.length < 300; from -= WIDTH / 20) {
    scale.setVisibleLogicalRange({ from, to: from + WIDTH });
    const before = performance.now();
    await frame();
    drawn.push((await frame()) - before);
  }
  return drawn;
})()
"""


@dataclass(frozen=True, kw_only=True)
class Smoothness:
    """Milliseconds: until all candles are drawn, and for two frames while they are scrolled through."""

    first_ms: float
    frames_ms: list[float]


def prepare(browser: Browser, url: str) -> None:
    """Opens a page that its server tells no prices."""
    browser.open(url)
    browser.until("typeof page === 'object' && page.chart !== null && page.answer !== null")
    browser.run(MADE_UP)


def smoothness(browser: Browser, count: int, width: int) -> Smoothness:
    """Gives the chart so many candles, and scrolls back through them with `width` of them in view."""
    time = f"{BEGIN_MS} + at * {MINUTE_MS}"
    browser.run(f"window.many = Array.from({{ length: {count} }}, (_, at) => madeUp({time})); 0")
    first = """(async () => { const began = performance.now(); page.chart.setCandles(many, null);
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      return performance.now() - began; })()"""
    first_ms = browser.run(first)
    frames = browser.run(SCROLL.replace("COUNT", str(count)).replace("WIDTH", str(width)))
    return Smoothness(first_ms=first_ms, frames_ms=frames)
