"use strict";
// Asks the server once a second while the page is looked at, and draws what is new. A saved page asks nobody.

const REFRESH_EVERY_MS = 1000;
const STALE_AFTER_MS = 10000;
const INTERVALS = ["1m", "5m", "1h", "1d"];
const savedAnswers = document.getElementById("saved") ? JSON.parse(document.getElementById("saved").textContent) : null;

const page = {
  symbol: null, interval: INTERVALS[0], revision: 0, last_answer_ms: Date.now(), answer: null, prices: null, chart: null,
  refreshes: 0, visible_since_ms: Date.now(),
};

async function getJson(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function readState() {
  return savedAnswers ? savedAnswers.state : getJson("state");
}

async function readPrices({ symbol, interval, revision }) {
  if (savedAnswers) return savedAnswers.prices[symbol]?.[interval] ?? null;
  return getJson(`prices?${new URLSearchParams({ symbol, interval, since: revision })}`);
}

function now_ms() {
  return savedAnswers ? savedAnswers.state.state.at_ms : Date.now();
}

async function refresh() {
  const refreshNumber = ++page.refreshes;
  try {
    const answer = await readState();
    if (refreshNumber !== page.refreshes) return;
    page.answer = answer;
    page.last_answer_ms = Date.now();
    page.symbol ??= firstSymbol(answer);
    setText("location", answer.location);
    document.title = `${answer.location} – cryptoctl`;
    showState(answer, now_ms());
    showSymbols(answer, page.symbol, choose, now_ms());
    await refreshPrices(refreshNumber);
    showWhyEmpty();
  } catch (error) {
    // Told by showFreshness, once it has lasted a moment.
    console.warn(String(error));
  }
  showFreshness();
}

async function refreshPrices(refreshNumber) {
  if (page.symbol === null) return;
  const prices = await readPrices(page);
  if (!prices || refreshNumber !== page.refreshes || prices.revision === page.revision) return;
  page.revision = prices.revision;
  page.prices = prices;
  page.chart.setCandles(prices.candles, prices.since_ms, prices.older_candles);
  showNewest(prices.newest);
  showLegend(page.chart.candleInFocus(), page.chart);
}

function firstSymbol({ state, names, names_known }) {
  const newest = state?.overview.symbols.find(({ symbol }) => !isLeftOut(symbol))?.symbol;
  return newest ?? (state && names_known ? (names[0] ?? null) : null);
}

/** Whether this is a saved page without the symbol's prices. */
function isLeftOut(symbol) {
  return savedAnswers !== null && !Object.hasOwn(savedAnswers.prices, symbol);
}

function choose(symbol) {
  page.symbol = symbol;
  showSelection();
}

/** For when the page is loaded again, as a browser does on its own with a tab that was long in the background. */
function rememberSelection({ symbol, interval }) {
  try {
    history.replaceState(null, "", `#${new URLSearchParams({ interval, ...(symbol && { symbol }) })}`);
  } catch {
    // A saved page that is shown within another one has no address of its own.
  }
}

function showSelection() {
  rememberSelection(page);
  page.revision = 0;
  page.prices = null;
  page.chart.setCandles([], null);
  showNewest([]);
  showLegend(undefined, page.chart);
  refresh();
}

/** Says in words why there is nothing to see. */
function showWhyEmpty() {
  const { state, names, names_known, empty } = page.answer;
  const noSymbols = state && names_known && names.length === 0 && state.overview.symbols.length === 0;
  const message = document.getElementById("nothing");
  const noPrices = page.prices && page.prices.newest.length === 0;
  // The oldest candle is not shown where prices before those that are known may belong to it.
  const tooFew = page.prices && !page.prices.complete && page.chart.candles.length + page.chart.undrawable.length === 0;
  const leftOut = page.symbol !== null && isLeftOut(page.symbol);
  const isEmpty = noSymbols || leftOut || noPrices || tooFew;
  message.hidden = !isEmpty;
  if (noSymbols) setChildren(message, ...withCommands(empty));
  else if (leftOut) setText("nothing", `This file does not have the prices of ${page.symbol}.`);
  else if (noPrices) setText("nothing", `No prices of ${page.symbol}.`);
  else if (tooFew) setText("nothing", tooFewText(page));
  document.getElementById("chart").hidden = Boolean(isEmpty);
}

function tooFewText({ prices, interval }) {
  return `The last ${prices.kept} prices of ${prices.symbol} do not fill a candle of ${interval}. ` +
    "Choose a shorter interval, or read more prices with --last.";
}

/** Says how old what is shown is, and what keeps it from being newer. */
function showFreshness() {
  const { state, trouble } = page.answer ?? {};
  setText("as-of", state ? `as of ${secondText(state.at_ms)} UTC${savedAnswers ? ", saved" : ""}` : "");
  if (savedAnswers) return;
  const away_ms = Date.now() - page.last_answer_ms;
  // Nothing is read while nobody looks.
  const stale_ms = state ? Date.now() - Math.max(state.at_ms, page.visible_since_ms) : 0;
  const sentences = [];
  if (away_ms > 3 * REFRESH_EVERY_MS) {
    sentences.push("cryptoctl dashboard does not answer, for ", ageElement(away_ms), " now. If it has ended, start it again and open its new address.");
  } else if (trouble) {
    sentences.push(...withCommands(trouble));
    if (state && stale_ms > STALE_AFTER_MS) sentences.push(" What is shown is ", ageElement(stale_ms), " old.");
    sentences.push(" Trying again …");
  } else if (state && stale_ms > STALE_AFTER_MS) {
    sentences.push("The environment does not answer, for ", ageElement(stale_ms), " now. Trying again …");
  }
  const banner = document.getElementById("trouble");
  setChildren(banner, ...sentences);
  banner.hidden = sentences.length === 0;
}

/** An age that grows while it is shown: not read out anew each second. */
function ageElement(milliseconds) {
  const span = element("span", "", ageText(milliseconds));
  span.setAttribute("aria-hidden", "true");
  return span;
}

function prepareControls() {
  const intervals = document.getElementById("intervals");
  for (const interval of INTERVALS) {
    const radio = element("input");
    Object.assign(radio, { type: "radio", name: "interval", value: interval });
    intervals.append(element("label", "", radio, interval));
  }
  intervals.addEventListener("change", (event) => {
    page.interval = event.target.value;
    showSelection();
  });
  document.getElementById("symbol").addEventListener("change", (event) => choose(event.target.value));
  page.chart = new PriceChart(document.getElementById("chart"), (candle) => showLegend(candle, page.chart));
}

async function start() {
  prepareControls();
  const answer = await readState().catch(() => null);
  const remembered = new URLSearchParams(location.hash.slice(1));
  page.symbol = remembered.get("symbol") || null;
  page.interval = INTERVALS.find((interval) => interval === remembered.get("interval")) ?? answer?.interval ?? page.interval;
  document.querySelector(`#intervals input[value="${page.interval}"]`).checked = true;
  await refresh();
  if (savedAnswers) return;
  const refreshAgain = async () => {
    // Whoever does not look costs nothing: the server reads only while it is asked.
    if (!document.hidden) await refresh();
    setTimeout(refreshAgain, REFRESH_EVERY_MS);
  };
  setTimeout(refreshAgain, REFRESH_EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    page.visible_since_ms = page.last_answer_ms = Date.now();
    refresh();
  });
}

start();
