"use strict";
// The chart: candles with ma_5 and ma_20, the volume below them, the volatility in a pane of its own.

const UP_TO = 9e13; // the library draws no larger numbers
const LAST_SECOND = 253402300799;
const LINES = { ma_5: "--ma-5", ma_20: "--ma-20", volatility: "--volatility" };
const MAX_CANDLES = 20000;
const AT_FIRST = 120;
const MAX_DIGITS = 15; // that a number has
const MIN_DRAWN = 1e-10; // that as many digits behind the point tell from its neighbours

class PriceChart {
  constructor(place, onMove) {
    this.candles = [];
    this.undrawable = [];
    this.tooOld = 0;
    this.onMove = onMove;
    this.chart = LightweightCharts.createChart(place, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 12 },
      crosshair: { mode: LightweightCharts.CrosshairMode.Normal },
      localization: { locale: "en-GB" },
      timeScale: { timeVisible: true, secondsVisible: false, rightOffset: 4, maxBarSpacing: 40 },
    });
    this.bars = this.chart.addSeries(LightweightCharts.CandlestickSeries, {});
    this.volume = this.chart.addSeries(LightweightCharts.HistogramSeries, {
      priceScaleId: "volume", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false,
    });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.82, bottom: 0 } });
    this.bars.priceScale().applyOptions({ scaleMargins: { top: 0.06, bottom: 0.22 } });
    this.lines = {};
    for (const name of Object.keys(LINES)) {
      const pane = name === "volatility" ? 1 : 0;
      this.lines[name] = this.chart.addSeries(LightweightCharts.LineSeries, {
        lineWidth: 2, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false,
      }, pane);
    }
    this.chart.panes()[1].setStretchFactor(0.25);
    this.chart.subscribeCrosshairMove((moved) => {
      this.pointed = moved.time;
      this.onMove(this.looked());
    });
    place.addEventListener("keydown", (pressed) => this.key(pressed));
    // On paper, where no chart comes to know its size, stands a picture of it.
    addEventListener("beforeprint", () => {
      document.documentElement.classList.add("printing");
      this.colour();
      this.picture = this.chart.takeScreenshot();
      place.after(this.picture);
    });
    addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      this.colour();
      this.picture.remove();
    });
    this.colour();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.colour());
  }

  colour() {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const grid = { color: of("--line") };
    this.volumes = { up: of("--up-faint"), down: of("--down-faint") };
    this.chart.applyOptions({
      layout: {
        background: { type: "solid", color: of("--panel") }, textColor: of("--quiet"),
        panes: { separatorColor: of("--line"), separatorHoverColor: of("--line") },
      },
      grid: { vertLines: grid, horzLines: grid },
      timeScale: { borderColor: of("--line") },
      rightPriceScale: { borderColor: of("--line") },
    });
    const [upColor, downColor] = [of("--up"), of("--down")];
    this.bars.applyOptions({
      upColor, downColor, wickUpColor: upColor, wickDownColor: downColor, borderVisible: false,
    });
    for (const [name, variable] of Object.entries(LINES)) this.lines[name].applyOptions({ color: of(variable) });
    this.show(0);
  }

  /** Takes candles since a time, the oldest first; null: instead of all there are. Before them, some are left out. */
  take(candles, since_ms, older = 0) {
    const drawable = candles.filter(isDrawable);
    const anew = since_ms === null || this.candles.length === 0;
    const stays = (each) => since_ms !== null && each.time_ms < since_ms;
    this.undrawable = [...this.undrawable.filter(stays), ...candles.filter((each) => !isDrawable(each))].slice(-MAX_CANDLES);
    if (since_ms === null) this.tooOld = older;
    const kept = this.candles.filter(stays);
    const tail = this.candles.slice(kept.length);
    const inPlace = !anew && tail.every((each, at) => drawable[at]?.time_ms === each.time_ms);
    this.candles = [...kept, ...drawable];
    const tooMany = this.candles.length - MAX_CANDLES;
    if (tooMany > 0) {
      this.candles = this.candles.slice(tooMany + MAX_CANDLES / 10);
      this.tooOld += tooMany + MAX_CANDLES / 10;
    }
    this.show(inPlace && tooMany <= 0 ? kept.length : 0, tail.at(-1)?.time_ms ?? 0);
    this.setDigits();
    if (anew) {
      const count = this.candles.length;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-1, count - AT_FIRST), to: count + 3 });
    }
  }

  /** Draws the candles from a place on; from the first, everything anew. `last_ms` was the last one's time. */
  show(first, last_ms = 0) {
    const series = [this.bars, this.volume, ...Object.values(this.lines)];
    const values = [
      (each) => ({ time: secondOf(each), open: +each.open, high: +each.high, low: +each.low, close: +each.close }),
      (each) => ({ time: secondOf(each), value: Math.min(+each.volume, UP_TO), color: this.volumeColour(each) }),
      ...Object.keys(LINES).map((name) => (each) => lineValue(each, name)),
    ];
    series.forEach((one, at) => {
      if (first === 0) one.setData(this.candles.map(values[at]));
      else this.candles.slice(first).forEach((each) => one.update(values[at](each), each.time_ms < last_ms));
    });
  }

  volumeColour(candle) {
    return +candle.close < +candle.open ? this.volumes.down : this.volumes.up;
  }

  /** As many digits as the prices have; for the volatility, three that say something. */
  setDigits() {
    const recent = this.candles.slice(-100);
    const decimals = Math.max(2, ...recent.map((each) => (each.close.split(".")[1] ?? "").length));
    const highest = Math.max(0, ...recent.map((each) => Math.abs(+each.close)));
    const room = Math.max(2, MAX_DIGITS - Math.trunc(highest).toString().length);
    const prices = highest >= MIN_DRAWN ? Math.min(decimals, room) : decimals;
    const largest = Math.max(0, ...recent.map((each) => +(each.volatility ?? 0)));
    const volatility = largest > 0 ? Math.max(2, 2 - Math.floor(Math.log10(largest))) : 2;
    if (this.digits?.prices === prices && this.digits.volatility === volatility) return;
    this.digits = { prices, volatility };
    for (const one of [this.bars, ...Object.values(this.lines)]) {
      const precision = one === this.lines.volatility ? volatility : prices;
      const minMove = Number(`1e-${precision}`);
      // The library's own formatter errs where 1e-11 times 1e11 is not 1.
      const formatter = (number) => (precision > MAX_DIGITS ? number.toExponential(4) : number.toFixed(precision));
      one.applyOptions({ priceFormat: { type: "custom", formatter, minMove } });
    }
  }

  /** The candle below the mouse; the last one where there is none. */
  looked() {
    const { pointed } = this;
    const found = pointed === undefined ? undefined : this.candles.findLast((each) => secondOf(each) === pointed);
    return found ?? this.candles.at(-1);
  }

  key(pressed) {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range || pressed.ctrlKey || pressed.metaKey || pressed.altKey) return;
    const width = range.to - range.from;
    // What is at the right stays when zoomed: at its limit the library would else move the candles out of sight.
    const moves = { ArrowLeft: [-0.1, -0.1], ArrowRight: [0.1, 0.1], "+": [0.2, 0], "-": [-0.25, 0] };
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (pressed.key === "End") scale.scrollToPosition(scale.options().rightOffset, !still);
    else if (moves[pressed.key]) {
      const [from, to] = moves[pressed.key];
      scale.setVisibleLogicalRange({ from: range.from + from * width, to: range.to + to * width });
    } else return;
    pressed.preventDefault();
  }
}

function secondOf(candle) {
  return Math.floor(candle.time_ms / 1000);
}

function isDrawable(candle) {
  return Math.abs(+candle.high) < UP_TO && Math.abs(+candle.low) < UP_TO && secondOf(candle) <= LAST_SECOND;
}

/** A point of a line; a gap where there is no value. */
function lineValue(candle, name) {
  const value = candle[name];
  return value === null ? { time: secondOf(candle) } : { time: secondOf(candle), value: Math.min(+value, UP_TO) };
}
