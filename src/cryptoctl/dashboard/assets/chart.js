"use strict";
// The chart: candles with ma_5 and ma_20, the volume below them, the volatility in a pane of its own.

const MAX_DRAWN = 9e13; // the library draws no larger numbers
const LAST_SECOND = 253402300799;
const LINES = { ma_5: "--ma-5", ma_20: "--ma-20", volatility: "--volatility" };
const MAX_CANDLES = 20000;
const VISIBLE_AT_FIRST = 120;
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
    this.chart.subscribeCrosshairMove((event) => {
      this.crosshairTime = event.time;
      this.onMove(this.candleInFocus());
    });
    place.addEventListener("keydown", (event) => this.onKey(event));
    // On paper, where no chart comes to know its size, stands a picture of it.
    addEventListener("beforeprint", () => {
      document.documentElement.classList.add("printing");
      this.applyColours();
      this.picture = this.chart.takeScreenshot();
      place.after(this.picture);
    });
    addEventListener("afterprint", () => {
      document.documentElement.classList.remove("printing");
      this.applyColours();
      this.picture.remove();
    });
    this.applyColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.applyColours());
  }

  applyColours() {
    const style = getComputedStyle(document.documentElement);
    const colourOf = (name) => style.getPropertyValue(name).trim();
    const grid = { color: colourOf("--line") };
    this.volumes = { up: colourOf("--up-faint"), down: colourOf("--down-faint") };
    this.chart.applyOptions({
      layout: {
        background: { type: "solid", color: colourOf("--panel") }, textColor: colourOf("--quiet"),
        panes: { separatorColor: colourOf("--line"), separatorHoverColor: colourOf("--line") },
      },
      grid: { vertLines: grid, horzLines: grid },
      timeScale: { borderColor: colourOf("--line") },
      rightPriceScale: { borderColor: colourOf("--line") },
    });
    const [upColor, downColor] = [colourOf("--up"), colourOf("--down")];
    this.bars.applyOptions({
      upColor, downColor, wickUpColor: upColor, wickDownColor: downColor, borderVisible: false,
    });
    for (const [name, variable] of Object.entries(LINES)) this.lines[name].applyOptions({ color: colourOf(variable) });
    this.show(0);
  }

  /** Takes candles since a time, the oldest first; null: instead of all there are. Before them, some are left out. */
  setCandles(candles, since_ms, older = 0) {
    const drawable = candles.filter(isDrawable);
    const isFresh = since_ms === null || this.candles.length === 0;
    const isBefore = (candle) => since_ms !== null && candle.time_ms < since_ms;
    this.undrawable = [...this.undrawable.filter(isBefore), ...candles.filter((candle) => !isDrawable(candle))].slice(-MAX_CANDLES);
    if (since_ms === null) this.tooOld = older;
    const keptCandles = this.candles.filter(isBefore);
    const replacedCandles = this.candles.slice(keptCandles.length);
    const inPlace = !isFresh && replacedCandles.every(({ time_ms }, index) => drawable[index]?.time_ms === time_ms);
    this.candles = [...keptCandles, ...drawable];
    const surplus = this.candles.length - MAX_CANDLES;
    if (surplus > 0) {
      this.candles = this.candles.slice(surplus + MAX_CANDLES / 10);
      this.tooOld += surplus + MAX_CANDLES / 10;
    }
    this.show(inPlace && surplus <= 0 ? keptCandles.length : 0, replacedCandles.at(-1)?.time_ms ?? 0);
    this.setDigits();
    if (isFresh) {
      const count = this.candles.length;
      this.chart.timeScale().setVisibleLogicalRange({ from: Math.max(-1, count - VISIBLE_AT_FIRST), to: count + 3 });
    }
  }

  /** Draws the candles from a place on; from the first, everything anew. `last_ms` was the last one's time. */
  show(first, last_ms = 0) {
    const allSeries = [this.bars, this.volume, ...Object.values(this.lines)];
    const values = [
      (candle) => ({ time: secondOf(candle), open: +candle.open, high: +candle.high, low: +candle.low, close: +candle.close }),
      (candle) => ({ time: secondOf(candle), value: Math.min(+candle.volume, MAX_DRAWN), color: this.volumeColour(candle) }),
      ...Object.keys(LINES).map((name) => (candle) => lineValue(candle, name)),
    ];
    allSeries.forEach((series, index) => {
      if (first === 0) series.setData(this.candles.map(values[index]));
      else this.candles.slice(first).forEach((candle) => series.update(values[index](candle), candle.time_ms < last_ms));
    });
  }

  volumeColour(candle) {
    return +candle.close < +candle.open ? this.volumes.down : this.volumes.up;
  }

  /** As many digits as the prices have and tell them apart; for the volatility, three that say something. */
  setDigits() {
    const recent = this.candles.slice(-100);
    const decimals = Math.max(2, ...recent.map((candle) => (candle.close.split(".")[1] ?? "").length));
    const closes = recent.map((candle) => +candle.close);
    const [lowest, highest] = [Math.min(...closes), Math.max(0, ...closes)];
    const maxDecimals = Math.max(2, MAX_DIGITS - Math.trunc(highest).toString().length);
    // Of the prices five digits, of what lies between them four: more are mostly a sender's floating point.
    const telling = Math.max(2, 4 - Math.floor(Math.log10(lowest)), 3 - Math.floor(Math.log10(highest - lowest || lowest)));
    const prices = highest >= MIN_DRAWN ? Math.min(decimals, maxDecimals, telling) : decimals;
    const largest = Math.max(0, ...recent.map((candle) => +(candle.volatility ?? 0)));
    const volatility = largest > 0 ? Math.max(2, 2 - Math.floor(Math.log10(largest))) : 2;
    if (this.digits?.prices === prices && this.digits.volatility === volatility) return;
    this.digits = { prices, volatility };
    for (const series of [this.bars, ...Object.values(this.lines)]) {
      const precision = series === this.lines.volatility ? volatility : prices;
      const minMove = Number(`1e-${precision}`);
      // The library's own formatter errs where 1e-11 times 1e11 is not 1.
      const formatter = (number) => (precision > MAX_DIGITS ? number.toExponential(4) : number.toFixed(precision));
      series.applyOptions({ priceFormat: { type: "custom", formatter, minMove } });
    }
  }

  /** The candle below the mouse; the last one where there is none. */
  candleInFocus() {
    const { crosshairTime } = this;
    const pointedCandle = crosshairTime === undefined ? undefined : this.candles.findLast((candle) => secondOf(candle) === crosshairTime);
    return pointedCandle ?? this.candles.at(-1);
  }

  onKey(event) {
    const scale = this.chart.timeScale();
    const range = scale.getVisibleLogicalRange();
    if (!range || event.ctrlKey || event.metaKey || event.altKey) return;
    const width = range.to - range.from;
    // What is at the right stays when zoomed: at its limit the library would else move the candles out of sight.
    const moves = { ArrowLeft: [-0.1, -0.1], ArrowRight: [0.1, 0.1], "+": [0.2, 0], "-": [-0.25, 0] };
    const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (event.key === "End") scale.scrollToPosition(scale.options().rightOffset, !reducedMotion);
    else if (moves[event.key]) {
      const [from, to] = moves[event.key];
      scale.setVisibleLogicalRange({ from: range.from + from * width, to: range.to + to * width });
    } else return;
    event.preventDefault();
  }
}

function secondOf(candle) {
  return Math.floor(candle.time_ms / 1000);
}

function isDrawable(candle) {
  return Math.abs(+candle.high) < MAX_DRAWN && Math.abs(+candle.low) < MAX_DRAWN && secondOf(candle) <= LAST_SECOND;
}

/** A point of a line; a gap where there is no value. */
function lineValue(candle, name) {
  const value = candle[name];
  return value === null ? { time: secondOf(candle) } : { time: secondOf(candle), value: Math.min(+value, MAX_DRAWN) };
}
