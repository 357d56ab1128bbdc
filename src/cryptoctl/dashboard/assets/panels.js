"use strict";
// What stands around the chart, drawn from the state and the newest prices.

const STEPS = [
  ["webhook-processor", "receives prices"],
  ["crypto-prices", "the table"],
  ["price-enricher", "adds ma_5, ma_20, volatility"],
];

// As `status` names what its credentials may not read.
const PRICES_UNREAD = ["the prices", "the symbols with recent prices"];

function showState(answer, now_ms) {
  const { state } = answer;
  if (!state) return;
  const { overview } = state;
  setText("verdict", overview.verdict.replace(`${answer.location}: `, ""));
  document.getElementById("verdict").className = overview.concerns.length ? "bad" : "good";
  showConcerns(state);
  showPipeline(state, now_ms);
  showLetters(state);
  showErrors(state);
}

function showConcerns({ overview, next }) {
  const section = document.getElementById("concerns");
  const items = overview.concerns.map((concern) =>
    element("li", "", element("strong", "", concern.subject), ` ${concern.what}`),
  );
  const list = element("ul", "scroll", ...items);
  list.tabIndex = 0;
  const unread = overview.unread.length ? [`These credentials may not read ${overview.unread.join(", ")}.`] : [];
  const { incomplete } = overview;
  const partlyRead = incomplete?.length ? [`Of the last hour's log only a part was read, and there may be more: ${incomplete.join(", ")}.`] : [];
  const lines = [...next.map((step) => `→ ${step}`), ...overview.notes, ...unread, ...partlyRead].map((line) => element("p", "quiet", ...withCommands(line)));
  section.hidden = items.length + lines.length === 0;
  setChildren(section, ...(items.length ? [list] : []), ...lines);
}

/** A text with its `commands` set as code. */
function withCommands(text) {
  return text.split(/`([^`]*)`/).map((part, index) => (index % 2 ? element("code", "", part) : part));
}

function showPipeline(state, now_ms) {
  const boxes = [element("span", "end", "sender")];
  for (const [name, purpose] of STEPS) {
    boxes.push(arrow(), box(state, name, purpose, now_ms));
  }
  boxes.push(arrow(), element("span", "end", "updates topic"));
  setChildren(document.getElementById("pipeline"), ...boxes);
}

function arrow() {
  const span = element("span", "arrow", "→");
  span.setAttribute("aria-hidden", "true");
  return span;
}

function box(state, name, purpose, now_ms) {
  const health = state.health[name];
  const healthTexts = { good: "all is well", doubtful: "dead letters", bad: "needs attention" };
  const lines = name === "crypto-prices" ? tableLines(state, now_ms) : functionLines(state, name);
  return element(
    "article", health,
    element("h2", "", name), element("span", "badge", healthTexts[health]), element("p", "quiet", purpose), ...lines,
  );
}

function tableLines({ overview }, now_ms) {
  const { symbols, more_symbols, unread } = overview;
  const [newest] = symbols;
  if (unread.some((name) => PRICES_UNREAD.includes(name))) return [element("p", "", "prices not read")];
  if (!newest) return [element("p", "", "no price in the last hour")];
  const unenrichedCount = symbols.filter(({ processed }) => !processed).length;
  const subject = more_symbols ? `the newest ${symbols.length} of ${symbols.length + more_symbols} symbols:` : "all";
  return [
    element("p", "", `last price ${ageText(now_ms - newest.timestamp)} ago`),
    element("p", "", unenrichedCount ? `${unenrichedCount} of ${symbols.length} symbols: last price not enriched` : `${subject} enriched`),
  ];
}

function functionLines({ overview }, name) {
  const activity = overview.functions.find((counts) => counts.function.startsWith(`${name}-`));
  const queue = overview.queues.find((candidate) => candidate.name.startsWith(`${name}-dlq-`));
  const count = queue ? queue.visible + queue.in_flight + queue.delayed : 0;
  const [mapping] = overview.mappings;
  const lines = [];
  if (activity) {
    lines.push(rate("price", activity.prices));
    if (activity.errors.some((failures) => failures > 0)) lines.push(rate("failure", activity.errors, "bad"));
  }
  if (name === "price-enricher" && mapping) {
    const lag = mapping.iterator_age_s === null ? "idle" : `lag ${mapping.iterator_age_s.toFixed(1)} s`;
    lines.push(element("p", "", `stream ${mapping.state.toLowerCase()}, ${lag}`));
  }
  const queueText = queue ? `▼ ${count} dead letter${count === 1 ? "" : "s"}` : "▼ no queue";
  lines.push(element("p", count || !queue ? "bad" : "", queueText));
  return lines;
}

/** The last whole minute's number, and the last hour as a line. */
function rate(noun, values, className = "") {
  const count = Math.round(values.at(-2));
  return element("p", className, `${count} ${noun}${count === 1 ? "" : "s"} a minute `, sparkline(values));
}

function sparkline(values) {
  const namespace = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(namespace, "svg");
  const line = document.createElementNS(namespace, "polyline");
  const highest = Math.max(1, ...values);
  const points = values.map((value, index) => `${index},${(15 - (14 * value) / highest).toFixed(2)}`);
  line.setAttribute("points", points.join(" "));
  svg.setAttribute("viewBox", `0 0 ${values.length - 1} 16`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(line);
  return svg;
}

function showLetters({ overview, causes }) {
  const container = document.querySelector("#letters .scroll");
  const sections = overview.queues.map((queue) => {
    const count = queue.visible + queue.in_flight + queue.delayed;
    const oldest = queue.oldest_s === null ? "" : `, the oldest ${ageText(queue.oldest_s * 1000)} old`;
    const queueCauses = causes.filter((cause) => cause.function === queue.name.replace("-dlq-", "-"));
    const rows = queueCauses.map(({ cause, count: times }) => element("tr", "", element("td", "number", `${times}`), element("td", "", cause)));
    const table = element("table", "", element("caption", "", "Its function's errors in the last hour, by cause"), element("tbody", "", ...rows));
    return element(
      "div", "", element("h3", count ? "bad" : "", `${queue.name}: ${count}${oldest}`), ...(rows.length ? [table] : []),
    );
  });
  if (overview.queues.length === 0) sections.push(element("p", "quiet", "There are no queues."));
  setChildren(container, ...sections);
}

function showErrors({ errors, older_errors }) {
  const table = document.querySelector("#errors table");
  setText("older-errors", older_errors ? `and ${older_errors} older` : "");
  const rows = errors.map((error) => [
    timeText(error.time_ms), error.function, error.times > 1 ? `× ${error.times}` : "", error.text,
  ]);
  fillTable(table, ["time", "function", "times", "error"], rows);
}

/** The symbols with a button each, and the list to choose from; `chosen` is shown. */
function showSymbols({ state, names, left_out }, chosen, choose, now_ms) {
  const recentSymbols = state ? state.overview.symbols : [];
  const rows = recentSymbols.map((recent) => {
    const button = element("button", "", recent.symbol);
    button.dataset.symbol = recent.symbol;
    button.title = printable(recent.symbol);  // a long one is cut
    button.setAttribute("aria-pressed", String(recent.symbol === chosen));
    return [
      button, numberText(recent.price), change(recent.change_5m_percent), change(recent.change_1h_percent),
      ageText(now_ms - recent.timestamp),
    ];
  });
  const table = document.querySelector("#symbols table");
  // The rows change places, and the keyboard is not to come to another symbol by that.
  const focusedSymbol = table.contains(document.activeElement) ? document.activeElement.dataset.symbol : undefined;
  fillTable(table, ["symbol", "price", "5 min", "1 h", "age"], rows, [1, 2, 3, 4]);
  if (focusedSymbol !== undefined) focusOn(table, focusedSymbol);
  table.onclick = (event) => event.target.dataset.symbol && choose(event.target.dataset.symbol);
  const moreCount = state?.overview.more_symbols;
  // A saved page does not have them all.
  const leftOutText = left_out ? `This file has the ${names.length} symbols with the newest prices, and not the ${left_out} others.` : "";
  setText("more-symbols", leftOutText || (moreCount ? `and ${moreCount} more, in the list of all symbols above` : ""));
  const allSymbols = [...new Set([...recentSymbols.map(({ symbol }) => symbol), ...names, ...(chosen ? [chosen] : [])])].sort();
  const select = document.getElementById("symbol");
  const options = allSymbols.map((symbol) => {
    const option = element("option", "", symbol);
    option.value = symbol;
    return option;
  });
  setChildren(select, ...options);
  if (chosen && select.value !== chosen) select.value = chosen;
}

/** A change; what is shown as none has no colour, as in the terminal. */
function change(percent) {
  const text = percentText(percent);
  return element("span", /[1-9]/.test(text) ? (text.startsWith("-") ? "down" : "up") : "", text);
}

/** Puts the keyboard on a symbol's button; on none where it has gone. */
function focusOn(table, symbol) {
  const { activeElement } = document;
  if (activeElement.dataset.symbol === symbol) return;
  const button = [...table.querySelectorAll("button")].find((candidate) => candidate.dataset.symbol === symbol);
  if (button) button.focus({ preventScroll: true });
  else activeElement.blur();
}

function showNewest(prices) {
  const rows = prices.map((price) => [
    timeText(price.timestamp), numberText(price.price), numberText(price.volume), shortNumber(price.ma_5), shortNumber(price.ma_20),
    shortNumber(price.volatility), price.exchange,
  ]);
  const headings = ["time", "price", "volume", "ma_5", "ma_20", "volatility", "exchange"];
  fillTable(document.querySelector("#prices table"), headings, rows, [1, 2, 3, 4, 5]);
}

function showLegend(candle, chart) {
  setText("note", notes(chart).join(" "));
  if (!candle) return setText("legend", "");
  const [open, high, low, close, volume] = ["open", "high", "low", "close", "volume"].map((name) => numberText(candle[name]));
  const parts = [
    timeText(candle.time_ms, true), `O ${open}`, `H ${high}`, `L ${low}`, `C ${close}`, `volume ${volume}`,
    `trades ${candle.trades}`,
  ];
  const lines = Object.keys(LINES).map((name) => element("span", name, `${name} ${shortNumber(candle[name]) || "–"}`));
  const legend = document.getElementById("legend");
  legend.hidden = false;
  setChildren(legend, ...parts.map((part) => element("span", "", part)), ...lines);
}

/** What the chart does not show, in words. */
function notes({ undrawable, tooOld }) {
  const { length } = undrawable;
  const undrawableNote = `${length} candle${length === 1 ? " is" : "s are"} too large or too late to be drawn; the table has the newest prices.`;
  const tooOldNote = `The oldest ${tooOld} candles are not drawn: choose a longer interval.`;
  return [...(length ? [undrawableNote] : []), ...(tooOld ? [tooOldNote] : [])];
}
