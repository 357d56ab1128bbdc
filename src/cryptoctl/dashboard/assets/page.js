"use strict";
// Asks the server once a second while the page is looked at, and draws what is new. A saved page asks nobody.

const EVERY_MS = 1000;
const STALE_MS = 10000;
const INTERVALS = ["1m", "5m", "1h", "1d"];
const savedAnswers = document.getElementById("saved") ? JSON.parse(document.getElementById("saved").textContent) : null;

const page = {
  symbol: null, interval: INTERVALS[0], revision: 0, answered_ms: Date.now(), answer: null, found: null, chart: null,
  asked: 0, looked_ms: Date.now(),
};

async function ask(path) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(10000) });
  if (!answer.ok) throw new Error(await answer.text());
  return answer.json();
}

async function askState() {
  return savedAnswers ? savedAnswers.state : ask("state");
}

async function askPrices({ symbol, interval, revision }) {
  if (savedAnswers) return savedAnswers.prices[symbol]?.[interval] ?? null;
  return ask(`prices?${new URLSearchParams({ symbol, interval, since: revision })}`);
}

function now_ms() {
  return savedAnswers ? savedAnswers.state.state.at_ms : Date.now();
}

async function refresh() {
  const turn = ++page.asked;
  try {
    const answer = await askState();
    if (turn !== page.asked) return;
    page.answer = answer;
    page.answered_ms = Date.now();
    page.symbol ??= firstSymbol(answer);
    const place = answer.location;
    setText("location", place);
    document.title = `${place} – cryptoctl`;
    showState(answer, now_ms());
    showSymbols(answer, page.symbol, choose, now_ms());
    await refreshPrices(turn);
    showNothing();
  } catch (error) {
    // Told by showFreshness, once it has lasted a moment.
    console.warn(String(error));
  }
  showFreshness();
}

async function refreshPrices(turn) {
  if (page.symbol === null) return;
  const found = await askPrices(page);
  if (!found || turn !== page.asked || found.revision === page.revision) return;
  page.revision = found.revision;
  page.found = found;
  page.chart.take(found.candles, found.since_ms, found.older_candles);
  showNewest(found.newest);
  showLegend(page.chart.looked(), page.chart);
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
  startAnew();
}

/** For when the page is loaded again, as a browser does on its own with a tab that was long in the background. */
function keepChoice({ symbol, interval }) {
  try {
    history.replaceState(null, "", `#${new URLSearchParams({ interval, ...(symbol && { symbol }) })}`);
  } catch {
    // A saved page that is shown within another one has no address of its own.
  }
}

function startAnew() {
  keepChoice(page);
  page.revision = 0;
  page.found = null;
  page.chart.take([], null);
  showNewest([]);
  showLegend(undefined, page.chart);
  refresh();
}

/** Says in words why there is nothing to see. */
function showNothing() {
  const { state, names, names_known, empty } = page.answer;
  const none = state && names_known && names.length === 0 && state.overview.symbols.length === 0;
  const nothing = document.getElementById("nothing");
  const noneOfIt = page.found && page.found.newest.length === 0;
  // The oldest candle is not shown where prices before those that are known may belong to it.
  const tooFew = page.found && !page.found.complete && page.chart.candles.length + page.chart.undrawable.length === 0;
  const leftOut = page.symbol !== null && isLeftOut(page.symbol);
  const why = none || leftOut || noneOfIt || tooFew;
  nothing.hidden = !why;
  if (none) replaceWith(nothing, ...withCommands(empty));
  else if (leftOut) setText("nothing", `This file does not have the prices of ${page.symbol}.`);
  else if (noneOfIt) setText("nothing", `No prices of ${page.symbol}.`);
  else if (tooFew) setText("nothing", tooFewText(page));
  document.getElementById("chart").hidden = Boolean(why);
}

function tooFewText({ found, interval }) {
  return `The last ${found.kept} prices of ${found.symbol} do not fill a candle of ${interval}. ` +
    "Choose a shorter interval, or read more prices with --last.";
}

/** Says how old what is shown is, and what keeps it from being newer. */
function showFreshness() {
  const { state, trouble } = page.answer ?? {};
  setText("as-of", state ? `as of ${secondText(state.at_ms)} UTC${savedAnswers ? ", saved" : ""}` : "");
  if (savedAnswers) return;
  const away_ms = Date.now() - page.answered_ms;
  // Nothing is read while nobody looks.
  const stale_ms = state ? Date.now() - Math.max(state.at_ms, page.looked_ms) : 0;
  const parts = [];
  if (away_ms > 3 * EVERY_MS) {
    parts.push("cryptoctl dashboard does not answer, for ", passing(away_ms), " now. If it has ended, start it again and open its new address.");
  } else if (trouble) {
    parts.push(...withCommands(trouble));
    if (state && stale_ms > STALE_MS) parts.push(" What is shown is ", passing(stale_ms), " old.");
    parts.push(" Trying again …");
  } else if (state && stale_ms > STALE_MS) {
    parts.push("The environment does not answer, for ", passing(stale_ms), " now. Trying again …");
  }
  const place = document.getElementById("trouble");
  replaceWith(place, ...parts);
  place.hidden = parts.length === 0;
}

/** An age that grows while it is shown: not read out anew each second. */
function passing(milliseconds) {
  const made = element("span", "", ageText(milliseconds));
  made.setAttribute("aria-hidden", "true");
  return made;
}

function prepare() {
  const intervals = document.getElementById("intervals");
  for (const interval of INTERVALS) {
    const radio = element("input");
    Object.assign(radio, { type: "radio", name: "interval", value: interval });
    intervals.append(element("label", "", radio, interval));
  }
  intervals.addEventListener("change", (changed) => {
    page.interval = changed.target.value;
    startAnew();
  });
  document.getElementById("symbol").addEventListener("change", (changed) => choose(changed.target.value));
  page.chart = new PriceChart(document.getElementById("chart"), (candle) => showLegend(candle, page.chart));
}

async function start() {
  prepare();
  const answer = await askState().catch(() => null);
  const chosen = new URLSearchParams(location.hash.slice(1));
  page.symbol = chosen.get("symbol") || null;
  page.interval = INTERVALS.find((each) => each === chosen.get("interval")) ?? answer?.interval ?? page.interval;
  document.querySelector(`#intervals input[value="${page.interval}"]`).checked = true;
  await refresh();
  if (savedAnswers) return;
  const again = async () => {
    // Whoever does not look costs nothing: the server reads only while it is asked.
    if (!document.hidden) await refresh();
    setTimeout(again, EVERY_MS);
  };
  setTimeout(again, EVERY_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    page.looked_ms = page.answered_ms = Date.now();
    refresh();
  });
}

start();
